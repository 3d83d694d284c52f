/// The fields that a proxy must understand; every other field is carried unread.
public enum KnownField: UInt8, Sendable, BitwiseCopyable {
    case other
    case host
    case contentLength
    case transferEncoding
    case connection
    case expect
    case te
    case trailer
    // Meant for the next hop only (RFC 9110 section 7.6.1, and the older ones that RFC 9110 appendix lists).
    case keepAlive, proxyConnection, proxyAuthenticate, proxyAuthorization, upgrade
    // Who the client was, according to whoever sent the request.
    case forwardedFor, forwardedHost, forwardedProto, forwarded, realIP
    case via
    /// How far TRACE and OPTIONS may go (RFC 9110 section 7.6.2).
    case maxForwards
    /// Read only for its scheme: some authenticate the connection.
    case authorization

    /// Whether the field ends at the next hop and is never forwarded as it is.
    @inlinable
    public var isHopByHop: Bool {
        switch self {
        case .connection, .transferEncoding, .te, .keepAlive, .proxyConnection, .proxyAuthenticate,
            .proxyAuthorization, .upgrade:
            true
        default: false
        }
    }

    /// Whether the field says who the client was, and so is believed only from trusted proxies.
    @inlinable
    public var isForwarding: Bool {
        switch self {
        case .forwardedFor, .forwardedHost, .forwardedProto, .forwarded, .realIP: true
        default: false
        }
    }

    /// Whether a Connection field that names this field has no effect: a client must not be able to remove what the
    /// framing, the routing or the origin's trust depends on.
    var isProtected: Bool {
        isForwarding || self == .host || self == .contentLength || self == .transferEncoding || self == .via
            || self == .expect || self == .trailer || self == .maxForwards
    }

    /// The field whose name stands in `range`.
    ///
    /// Decides by length and first letter, so that most names cost one comparison.
    @inlinable
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        let (text, field) = Self.candidate(length: range.count, first: bytes[range.lowerBound] | 0x20, bytes, range)
        self = field != .other && bytes.equalsIgnoringCase(range, text) ? field : .other
    }

    /// The only known field that the name in `range` could be.
    @inlinable @inline(__always)
    static func candidate(
        length: Int, first: UInt8, _ bytes: Span<UInt8>, _ range: Range<Int>
    ) -> (StaticString, KnownField) {
        // First letters: a 0x61, c 0x63, e 0x65, f 0x66, h 0x68, k 0x6b, m 0x6d, p 0x70, t 0x74, u 0x75, v 0x76, x 0x78.
        switch (length, first) {
        case (2, 0x74): ("te", .te)
        case (3, 0x76): ("via", .via)
        case (4, 0x68): ("host", .host)
        case (6, 0x65): ("expect", .expect)
        case (7, 0x74): ("trailer", .trailer)
        case (7, 0x75): ("upgrade", .upgrade)
        case (9, 0x66): ("forwarded", .forwarded)
        case (9, 0x78): ("x-real-ip", .realIP)
        case (10, 0x63): ("connection", .connection)
        case (10, 0x6b): ("keep-alive", .keepAlive)
        case (12, 0x6d): ("max-forwards", .maxForwards)
        case (13, 0x61): ("authorization", .authorization)
        case (14, 0x63): ("content-length", .contentLength)
        case (15, 0x78): ("x-forwarded-for", .forwardedFor)
        case (16, 0x78): ("x-forwarded-host", .forwardedHost)
        case (16, 0x70): ("proxy-connection", .proxyConnection)
        case (17, 0x78): ("x-forwarded-proto", .forwardedProto)
        case (17, 0x74): ("transfer-encoding", .transferEncoding)
        case (18, 0x70): ("proxy-authenticate", .proxyAuthenticate)
        case (19, 0x70): ("proxy-authorization", .proxyAuthorization)
        default: ("", .other)
        }
    }
}
