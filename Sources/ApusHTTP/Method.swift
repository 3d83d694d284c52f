/// A request method (RFC 9110 section 9), as far as a proxy has to tell methods apart.
public enum Method: UInt8, Sendable, BitwiseCopyable {
    case get, head, post, put, delete, options, patch, trace, connect
    /// Any other token; forwarded as it is.
    case other

    /// Whether sending the request twice has the effect of sending it once (RFC 9110 section 9.2.2).
    ///
    /// An unknown method is taken to be neither safe nor idempotent.
    @inlinable
    public var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }

    /// Whether it asks for nothing but information (RFC 9110 section 9.2.1).
    @inlinable
    public var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .put, .delete, .post, .patch, .connect, .other: false
        }
    }

    /// The method that the bytes of `range` name. Methods are case-sensitive.
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        let start = range.lowerBound
        func isRest(_ text: StaticString) -> Bool {
            for index in 1..<range.count where unsafe bytes[start + index] != text.utf8Start[index] { return false }
            return true
        }
        switch (range.count, bytes[start]) {
        case (3, 0x47) where isRest("GET"): self = .get
        case (4, 0x48) where isRest("HEAD"): self = .head
        case (4, 0x50) where isRest("POST"): self = .post
        case (3, 0x50) where isRest("PUT"): self = .put
        case (6, 0x44) where isRest("DELETE"): self = .delete
        case (7, 0x4f) where isRest("OPTIONS"): self = .options
        case (5, 0x50) where isRest("PATCH"): self = .patch
        case (5, 0x54) where isRest("TRACE"): self = .trace
        case (7, 0x43) where isRest("CONNECT"): self = .connect
        default: self = .other
        }
    }
}

extension Method {
    /// Whether the bytes of `range` are one of these methods in another case, such as `delete`.
    ///
    /// To HTTP that is another method (RFC 9110 section 9.1), and to many frameworks the same: a rule for DELETE would be
    /// passed by it.
    static func isOtherCase(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        func named(_ text: StaticString) -> Bool { bytes.equalsIgnoringCase(range, text) }
        return named("get") || named("head") || named("post") || named("put") || named("delete") || named("options")
            || named("patch") || named("trace") || named("connect")
    }
}

/// The minor version of HTTP/1 (RFC 9112 section 2.3).
public enum Version: UInt8, Sendable, BitwiseCopyable {
    case http10, http11
}
