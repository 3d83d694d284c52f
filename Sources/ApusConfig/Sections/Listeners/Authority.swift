import ApusAddresses
import ApusModel

/// A host and a port as they were written, before any name is resolved.
struct Authority: Sendable {
    enum Host: Sendable {
        /// Nothing before the port: every address of this machine.
        case all
        case address(IPAddress)
        case name(String)
    }

    let host: Host
    let port: UInt16
    /// As it was written.
    let text: String

    var isName: Bool { if case .name = host { true } else { false } }
    /// The name; nil for an address.
    var hostName: String? { if case .name(let name) = host { name } else { nil } }
}

extension Authority {
    /// What an address is for decides what may be left out of it.
    enum Role {
        /// Bound by Apus: the host may be left out, and port 0 lets the system choose.
        case bind
        /// Connected to.
        case endpoint

        var expected: String {
            switch self {
            case .bind: "an address and a port to listen on, such as `127.0.0.1:8080` or `:8080`"
            case .endpoint: "a host and a port, such as `10.0.0.1:8080`"
            }
        }

        var ports: ClosedRange<Int> { self == .bind ? 0...Bounds.ports.upperBound : Bounds.ports }
    }

    /// Nil, with an error in `findings`, when the field holds anything else.
    static func read(_ field: Field, as role: Role, _ findings: inout Findings) -> Located<Authority>? {
        guard let text = field.node.text, !text.isEmpty else {
            field.reject(expected: role.expected, &findings)
            return nil
        }
        do throws(Refusal) {
            return Located(value: try Authority(text, as: role), position: field.node.position)
        } catch {
            field.reject(expected: role.expected, hint: error.advice, &findings)
            return nil
        }
    }

    struct Refusal: Error {
        var advice: String?
    }

    init(_ text: String, as role: Role) throws(Refusal) {
        if text.contains("://") { throw Refusal(advice: "leave the scheme out") }
        if text.contains("/") { throw Refusal(advice: "an address has no path") }
        if text.contains(" - ") { throw Refusal(advice: "begin each item of a list in the same column") }
        guard let colon = text.lastIndex(of: ":"), IPAddress(text) == nil else {
            throw Self.refusalWithoutPort(text, role)
        }
        let host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.count <= 5, digits.utf8.allSatisfy(\.isASCIIDigit),
            let port = Int(digits), role.ports.contains(port)
        else {
            let bounds = role.ports
            if digits.contains(" ") {
                let address = text.prefix { $0 != " " }
                throw Refusal(
                    advice: "what belongs to one is written in a mapping: `{ address: \(address), weight: 1 }`")
            }
            throw Refusal(advice: "a port is a number from \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        self.host = try Self.host(host, role)
        self.port = UInt16(port)
        self.text = text
    }

    private static func refusalWithoutPort(_ text: String, _ role: Role) -> Refusal {
        if text.utf8.allSatisfy(\.isASCIIDigit) {
            return Refusal(
                advice: role == .bind
                    ? "write `127.0.0.1:\(text)`, or `:\(text)` for all addresses" : "the host is missing")
        }
        if text.utf8.contains(UInt8(ascii: ":")), IPAddress(text) != nil {
            // `::1:8080` is an address too; whoever writes it means another.
            if let colon = text.lastIndex(of: ":"), IPAddress(text[..<colon]) != nil {
                let port = text[text.index(after: colon)...]
                return Refusal(advice: "put the IPv6 address in brackets: `\"[\(text[..<colon])]:\(port)\"`")
            }
            return Refusal(advice: "put the IPv6 address in brackets and add a port: `\"[\(text)]:8080\"`")
        }
        return Refusal(advice: "the port is missing")
    }

    private static func host(_ text: Substring, _ role: Role) throws(Refusal) -> Host {
        if text.isEmpty {
            guard role == .bind else { throw Refusal(advice: "the host is missing") }
            return .all
        }
        if text == "*" { throw Refusal(advice: "leave the `*` out to listen on all addresses") }
        if text.first == "[" {
            guard text.last == "]", let address = IPAddress(text.dropFirst().dropLast()), text.contains(":") else {
                throw Refusal(advice: "`\(text)` is no IPv6 address in brackets")
            }
            return .address(address)
        }
        if text.contains(":") { throw Refusal(advice: "put an IPv6 address in brackets: `\"[::1]:8080\"`") }
        if let address = IPAddress(text) { return .address(address) }
        if text.utf8.allSatisfy({ $0.isASCIIDigit || $0 == UInt8(ascii: ".") }) {
            throw Refusal(advice: "`\(text)` is no IPv4 address")
        }
        guard isHostName(text) else { throw Refusal(advice: "`\(text)` is no host name") }
        return .name(text.lowercased())
    }
}

/// Whether `text` is a host name as RFC 1123 section 2.1 has it, and underscores, which many networks use.
func isHostName(_ text: some StringProtocol) -> Bool { isHostName(text.utf8) }

func isHostName(_ bytes: some Collection<UInt8>) -> Bool {
    var count = 0
    // Of the label so far.
    var length = 0
    var last = UInt8(ascii: ".")
    for byte in bytes {
        if byte == UInt8(ascii: ".") {
            guard length > 0, last != UInt8(ascii: "-") else { return false }
            length = 0
        } else {
            let isHyphen = byte == UInt8(ascii: "-")
            guard byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "_") || isHyphen && length > 0 else {
                return false
            }
            length += 1
            guard length <= 63 else { return false }
        }
        last = byte
        count += 1
    }
    return count <= 253 && length > 0 && last != UInt8(ascii: "-")
}
