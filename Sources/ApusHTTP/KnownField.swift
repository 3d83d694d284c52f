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
    // Who the client was and what it asked for, according to whoever sent the request.
    case forwardedFor, forwardedHost, forwardedProto, forwardedPort, forwardedPrefix, forwarded, realIP
    /// Any other field of that kind (`KnownField.isClaim`), or one that the configuration counts among them.
    case claim
    /// The client's own certificate, in any of three fields. Nobody is believed who writes one: origins take it for proof.
    case clientCertificate
    case via
    /// How far TRACE and OPTIONS may go (RFC 9110 section 7.6.2).
    case maxForwards
    /// Why a response was made: the word of an Apus.
    case apusReason
    /// The marks of those that have forwarded the request, by which they know it again.
    case apusLoop
    /// Read only for its scheme: some authenticate the connection.
    case authorization
    /// When the message was made; a response that does not say it gets one (RFC 9110 section 6.6.1).
    case date

    /// Whether a Connection field that names this field has no effect: a client must not be able to remove what the
    /// framing, the routing or the origin's trust depends on.
    var isProtected: Bool { Set.protected.contains(self) }

    /// The field whose name stands in `range`.
    ///
    /// Length and first letter decide for most names, without a comparison.
    @inlinable @inline(__always)
    init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        let first = bytes[range.lowerBound] | 0x20
        self = Self.mayBeKnown(length: range.count, first: first) ? Self.compared(bytes, range, first: first) : .other
    }

    @usableFromInline @inline(never)
    static func compared(_ bytes: Span<UInt8>, _ range: Range<Int>, first: UInt8) -> KnownField {
        let (text, field) = candidate(length: range.count, first: first)
        if field != .other, bytes.equalsIgnoringCase(range, text) { return field }
        // As long as X-Forwarded-Host.
        if field == .forwardedHost, bytes.equalsIgnoringCase(range, "x-forwarded-port") { return .forwardedPort }
        if isClientCertificate(bytes, range, first: first) { return .clientCertificate }
        return isClaim(bytes, range, first: first) ? .claim : .other
    }

    /// The field that the name in `range` stands for where names are folded, as CGI and WSGI fold them: a character that
    /// is not a letter or digit stands for any other such character.
    init(folding bytes: Span<UInt8>, _ range: Range<Int>) {
        let first = bytes[range.lowerBound] | 0x20
        let (text, field) = Self.candidate(length: range.count, first: first)
        if field != .other, bytes.equalsFolded(range, text) {
            self = field
        } else if field == .forwardedHost, bytes.equalsFolded(range, "x-forwarded-port") {
            self = .forwardedPort
        } else if Self.isClientCertificate(bytes, range, first: first) {
            self = .clientCertificate
        } else {
            self = Self.isClaim(bytes, range, first: first) ? .claim : .other
        }
    }

    /// Whether a known field has a name of that length and first letter.
    @inlinable @inline(__always)
    static func mayBeKnown(length: Int, first: UInt8) -> Bool {
        let lengths: UInt64 =
            switch first {
            case 0x61: 1 << 9 | 1 << 11 | 1 << 13  // a
            case 0x63:
                1 << 9 | 1 << 10 | 1 << 11 | 1 << 14 | 1 << 16 | 1 << 17 | 1 << 18 | 1 << 23 | 1 << 25 | 1 << 26 | 1
                    << 34  // c
            case 0x64: 1 << 4  // d
            case 0x65: 1 << 6  // e
            case 0x66: 1 << 9 | 1 << 10 | 1 << 13 | 1 << 15 | 1 << 16  // f
            case 0x68: 1 << 4 | 1 << 5  // h
            case 0x6b: 1 << 10  // k
            case 0x6d: 1 << 12  // m
            case 0x70: 1 << 5 | 1 << 9 | 1 << 15 | 1 << 16 | 1 << 18 | 1 << 19  // p
            case 0x72: 1 << 11  // r
            case 0x73: ~0 << 11  // s
            case 0x74: 1 << 2 | 1 << 7 | ~0 << 14  // t
            case 0x75: 1 << 7  // u
            case 0x76: 1 << 3  // v
            case 0x77: ~0 << 9  // w
            case 0x78: ~0 << 6  // x
            default: 0
            }
        return lengths &>> UInt64(truncatingIfNeeded: min(length, 63)) & 1 != 0
    }

    /// The only known field that a name could be, except for claims and X-Forwarded-Port.
    @inlinable @inline(__always)
    static func candidate(length: Int, first: UInt8) -> (StaticString, KnownField) {
        // First letters: a 0x61, c 0x63, d 0x64, e 0x65, f 0x66, h 0x68, k 0x6b, m 0x6d, p 0x70, t 0x74, u 0x75,
        // v 0x76, x 0x78.
        switch (length, first) {
        case (2, 0x74): ("te", .te)
        case (3, 0x76): ("via", .via)
        case (4, 0x64): ("date", .date)
        case (4, 0x68): ("host", .host)
        case (6, 0x65): ("expect", .expect)
        case (7, 0x74): ("trailer", .trailer)
        case (7, 0x75): ("upgrade", .upgrade)
        case (9, 0x61): ("apus-loop", .apusLoop)
        case (9, 0x66): ("forwarded", .forwarded)
        case (9, 0x78): ("x-real-ip", .realIP)
        case (10, 0x63): ("connection", .connection)
        case (10, 0x6b): ("keep-alive", .keepAlive)
        case (11, 0x61): ("apus-reason", .apusReason)
        case (12, 0x6d): ("max-forwards", .maxForwards)
        case (13, 0x61): ("authorization", .authorization)
        case (14, 0x63): ("content-length", .contentLength)
        case (15, 0x78): ("x-forwarded-for", .forwardedFor)
        case (16, 0x78): ("x-forwarded-host", .forwardedHost)
        case (16, 0x70): ("proxy-connection", .proxyConnection)
        case (17, 0x78): ("x-forwarded-proto", .forwardedProto)
        case (17, 0x74): ("transfer-encoding", .transferEncoding)
        case (18, 0x78): ("x-forwarded-prefix", .forwardedPrefix)
        case (18, 0x70): ("proxy-authenticate", .proxyAuthenticate)
        case (19, 0x70): ("proxy-authorization", .proxyAuthorization)
        default: ("", .other)
        }
    }
}

extension KnownField {
    /// Fields, a bit each.
    public struct Set: OptionSet, Sendable, BitwiseCopyable {
        public let rawValue: UInt64

        @inlinable
        public init(rawValue: UInt64) { self.rawValue = rawValue }

        @inlinable @inline(__always)
        init(_ field: KnownField) { self.init(rawValue: 1 << UInt64(field.rawValue)) }

        @inlinable @inline(__always)
        func contains(_ field: KnownField) -> Bool { rawValue &>> UInt64(field.rawValue) & 1 != 0 }

        /// Those that end at the next hop and are never forwarded as they are.
        @inlinable static var hopByHop: Set {
            [
                Set(.connection), Set(.transferEncoding), Set(.te), Set(.keepAlive), Set(.proxyConnection),
                Set(.proxyAuthenticate), Set(.proxyAuthorization), Set(.upgrade),
            ]
        }

        /// Those that say who the client was or what it asked for, and so are believed only from trusted proxies.
        @inlinable static var claims: Set {
            [
                Set(.forwardedFor), Set(.forwardedHost), Set(.forwardedProto), Set(.forwardedPort),
                Set(.forwardedPrefix), Set(.forwarded), Set(.realIP), Set(.claim), Set(.clientCertificate),
            ]
        }

        /// Those that Apus reads, removes or writes in responses.
        static var understoodInResponses: Set {
            [.hopByHop, Set(.contentLength), Set(.trailer), Set(.apusReason)]
        }

        /// Those that `MessageFields` reads.
        static var framing: Set {
            [Set(.contentLength), Set(.transferEncoding), Set(.connection), Set(.date)]
        }

        static var protected: Set {
            [
                .claims, Set(.host), Set(.contentLength), Set(.transferEncoding), Set(.via), Set(.expect),
                Set(.trailer), Set(.maxForwards), Set(.date), Set(.apusLoop),
            ]
        }
    }
}
