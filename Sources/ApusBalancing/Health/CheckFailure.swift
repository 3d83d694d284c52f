public import ApusModel

#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Why a probe, or a request's attempt to connect, failed; its description is what logs, metrics and people read.
public enum CheckFailure: Sendable, Hashable {
    case connectionRefused
    case connectTimedOut
    case unreachable
    /// The TLS handshake failed, or was not over in time.
    case handshake(HandshakeFault)
    case handshakeTimedOut
    /// The connection was reset before an answer.
    case connectionReset
    /// The connection was closed before an answer.
    case connectionClosed
    /// No answer within the health check's time-out.
    case timedOut
    /// Apus itself was too busy to see whether there was an answer in time: it says nothing about the endpoint.
    case late
    /// An answer with a status that is not expected.
    case status(Int, expected: [ClosedRange<Int>] = [200...399])
    /// An answer whose body, as far as it is looked at, does not contain what it should.
    case bodyLacks(String)
    /// What is not HTTP was answered otherwise than expected: the beginning of what came.
    case answer([UInt8], expected: [UInt8])
    /// An answer that is not HTTP.
    case malformedResponse
    /// An answer that the proxy would refuse from the endpoint, for that reason.
    case refusedResponse(String)
    /// This machine lacks something for it: that says nothing about the endpoint, and never counts against it.
    case shortage(Shortage)
    /// The endpoint's host name has no address.
    case nameNotFound
    /// The endpoint's host name leads to the admin server of this process, where no name may lead.
    case nameRefused
    /// Any other error of the system.
    case system(errno: Int32)

    /// Why a connection could not be made.
    public init(_ failure: ConnectFailure) {
        switch failure {
        case .refused: self = .connectionRefused
        case .timedOut: self = .connectTimedOut
        case .unreachable: self = .unreachable
        case .reset: self = .connectionReset
        case .handshake(let fault): self = .handshake(fault)
        case .handshakeTimedOut: self = .handshakeTimedOut
        case .shortage(let shortage): self = .shortage(shortage)
        case .system(let errno): self = .system(errno: errno)
        }
    }

    /// The failure that the system reported for a connection.
    public init(errno: Int32) { self.init(ConnectFailure(errno: errno)) }

    /// Whether there was no connection at all, and not for want of time: what the ejected are asked has less of that.
    var isOfConnecting: Bool {
        switch self {
        case .connectionRefused, .unreachable, .handshake, .nameNotFound, .nameRefused, .shortage, .system: true
        default: false
        }
    }

    /// Whether there had been a connection.
    var cameAfterConnecting: Bool {
        switch self {
        case .connectionClosed, .timedOut, .status, .bodyLacks, .answer, .malformedResponse, .refusedResponse: true
        default: false
        }
    }

    /// Whether it says something about the endpoint, and not about this machine.
    var isOfEndpoint: Bool { shortage == nil && self != .late }

    /// What this machine lacked; nil where it was the endpoint that failed.
    public var shortage: Shortage? { if case .shortage(let shortage) = self { shortage } else { nil } }
}

extension CheckFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .connectionRefused: "connection refused"
        case .connectTimedOut: "connect timed out"
        case .unreachable: "unreachable"
        case .handshake(let fault): "TLS handshake failed: \(fault)"
        case .handshakeTimedOut: "TLS handshake timed out"
        case .connectionReset: "connection reset"
        case .connectionClosed: "connection closed"
        case .timedOut: "timed out"
        case .late: "Apus was too busy to tell"
        case .status(let status, let expected): "status \(status), expected \(Self.list(expected))"
        case .bodyLacks(let text): "body does not contain \(Self.quoted(Array(text.utf8)))"
        case .answer(let answer, let expected): "expected \(Self.quoted(expected)), got \(Self.quoted(answer))"
        case .malformedResponse: "malformed response: bad_response"
        case .refusedResponse(let reason): "malformed response: \(reason)"
        case .nameNotFound: "its host name has no address"
        case .nameRefused: "its host name leads to the admin server"
        case .shortage(let shortage): shortage.description
        case .system(let errno): unsafe strerror(errno).map { unsafe String(cString: $0) } ?? "system error \(errno)"
        }
    }
}

extension CheckFailure {
    /// How many bytes of an answer a person gets to read.
    private static let legible = 40

    /// Statuses as they are configured: `200-299, 404`.
    private static func list(_ statuses: [ClosedRange<Int>]) -> String {
        let names = statuses.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return names.joined(separator: ", ")
    }

    /// Bytes in quotes: what is not printable ASCII is escaped, and there is an end to it.
    private static func quoted(_ bytes: [UInt8]) -> String {
        var text = "\""
        for byte in bytes.prefix(legible) {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += "\\" + String(UnicodeScalar(byte))
            case UInt8(ascii: "\r"): text += "\\r"
            case UInt8(ascii: "\n"): text += "\\n"
            case 0x20...0x7e: text += String(UnicodeScalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text + (bytes.count > legible ? "…\"" : "\"")
    }
}
