/// Which origins of pages a route allows to read its responses: one entry of a list.
public enum OriginPattern: Sendable, Equatable {
    /// Every origin.
    case any
    /// Exactly this origin, as browsers write it: `https://app.example.com`, `http://localhost:3000`.
    case exact([UInt8])
    /// Origins by their parts, such as `https://*.example.com` and `http://localhost:*`.
    case parts(OriginParts)
    /// Origins that the whole of a regular expression matches.
    case regex(RegularExpression)
}

/// A pattern of origins: a scheme, a host or everything below one, and a port.
public struct OriginParts: Sendable, Equatable {
    public enum Port: Sendable, Equatable {
        /// None written, which is the scheme's own.
        case usual
        case number([UInt8])
        case any
    }

    /// In lower case, without `://`.
    public var scheme: [UInt8]
    /// Exact, or a suffix that stands for one label or more.
    public var host: HostPattern
    public var port: Port

    public init(scheme: [UInt8], host: HostPattern, port: Port = .usual) {
        self.scheme = scheme
        self.host = host
        self.port = port
    }
}

extension OriginPattern {
    /// Whether this allows an origin.
    ///
    /// - Parameters:
    ///   - origin: the value of an Origin field.
    ///   - form: its parts; nil for what is not an origin as browsers write it, such as `null`, which only `any` allows.
    public func matches(_ origin: Span<UInt8>, _ form: SerializedOrigin?) -> Bool {
        if case .any = self { return true }
        guard let form else { return false }
        return switch self {
        case .any: true
        case .exact(let text): origin.isEqual(to: text.span)
        case .parts(let parts): parts.matches(origin, form)
        case .regex(let regex): regex.matchesWhole(origin)
        }
    }

    public func matches(_ origin: Span<UInt8>) -> Bool { matches(origin, SerializedOrigin(origin)) }
}

extension OriginParts {
    fileprivate func matches(_ origin: Span<UInt8>, _ form: SerializedOrigin) -> Bool {
        guard origin.extracting(form.scheme).isEqual(to: scheme.span) else { return false }
        switch port {
        case .usual: guard form.port.isEmpty else { return false }
        case .number(let digits): guard origin.extracting(form.port).isEqual(to: digits.span) else { return false }
        case .any: break
        }
        return host.matches(origin.extracting(form.host))
    }
}

/// The parts of an origin in the form that browsers send (`scheme://host` and perhaps `:port`, RFC 6454 section 6.2), as
/// offsets.
///
/// Only this form is taken: lower case, no user, path, query or fragment, no empty label, no port with a leading zero.
/// So `null`, lists of origins and what merely looks like an origin are none.
public struct SerializedOrigin: Sendable, Equatable {
    public let scheme: Range<Int>
    /// An IPv6 address with its brackets.
    public let host: Range<Int>
    /// Without its colon; empty where there is none.
    public let port: Range<Int>

    /// Bytes of an origin at most: a scheme, the longest name of the DNS, a port, and room to spare.
    public static var limit: Int { 300 }

    /// Nil for what has another form.
    public init?(_ text: Span<UInt8>) {
        guard text.count <= Self.limit else { return nil }
        var offset = 0
        while offset < text.count, Self.isOfScheme(text[offset], isFirst: offset == 0) { offset += 1 }
        guard offset > 0, offset + 3 < text.count, text[offset] == UInt8(ascii: ":"),
            text[offset + 1] == UInt8(ascii: "/"), text[offset + 2] == UInt8(ascii: "/")
        else { return nil }
        scheme = 0..<offset
        let start = offset + 3
        guard let end = text[start] == UInt8(ascii: "[") ? Self.addressEnd(text, start) : Self.nameEnd(text, start)
        else { return nil }
        host = start..<end
        if end == text.count {
            port = end..<end
            return
        }
        guard text[end] == UInt8(ascii: ":"), Self.isPort(text.extracting((end + 1)..<text.count)) else { return nil }
        port = (end + 1)..<text.count
    }

    private static func isOfScheme(_ byte: UInt8, isFirst: Bool) -> Bool {
        if isLetter(byte) { return true }
        guard !isFirst else { return false }
        return isDigit(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
    }

    /// Behind a name from `start` on, whose labels are not empty.
    private static func nameEnd(_ text: Span<UInt8>, _ start: Int) -> Int? {
        var offset = start
        var isLabelEmpty = true
        while offset < text.count, text[offset] != UInt8(ascii: ":") {
            let byte = text[offset]
            if byte == UInt8(ascii: ".") {
                guard !isLabelEmpty else { return nil }
                isLabelEmpty = true
            } else {
                guard isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") else {
                    return nil
                }
                isLabelEmpty = false
            }
            offset += 1
        }
        return isLabelEmpty ? nil : offset
    }

    /// Behind an IPv6 address in brackets, which begins at `start`.
    private static func addressEnd(_ text: Span<UInt8>, _ start: Int) -> Int? {
        var offset = start + 1
        while offset < text.count, text[offset] != UInt8(ascii: "]") {
            let byte = text[offset]
            let isHex = isDigit(byte) || byte &- UInt8(ascii: "a") < 6
            guard isHex || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") else { return nil }
            offset += 1
        }
        return offset < text.count && offset > start + 2 ? offset + 1 : nil
    }

    private static func isPort(_ digits: Span<UInt8>) -> Bool {
        guard (1...5).contains(digits.count), digits[0] != UInt8(ascii: "0") else { return false }
        var number = 0
        for index in digits.indices {
            guard isDigit(digits[index]) else { return false }
            number = number * 10 + Int(digits[index] - UInt8(ascii: "0"))
        }
        return number <= 65_535
    }

    private static func isLetter(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 }
    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

extension Span where Element == UInt8 {
    fileprivate func isEqual(to other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }
}
