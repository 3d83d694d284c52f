public import ApusModel

/// The values of the Set-Cookie fields that bind a client to an endpoint, made once, so that a worker only copies bytes.
///
/// `name=token; Path=/; Domain=example.com; Max-Age=3600; Secure; HttpOnly; SameSite=Lax`: RFC 6265, section 4.1, and for
/// SameSite its successor (draft-ietf-httpbis-rfc6265bis). Names, paths and domains are taken as they are; the
/// configuration has checked them.
public struct SessionCookies: Sendable {
    /// All values, one behind the other.
    public let bytes: [UInt8]
    /// Where each endpoint's value ends; it begins where the one before ends.
    private let ends: [Int]

    /// - Parameter tokens: of each endpoint of a pool, in its order. An endpoint with an empty one has no value.
    public init(_ cookie: StickySessions.Cookie, tokens: [[UInt8]]) {
        let start = Array(cookie.name.utf8) + [UInt8(ascii: "=")]
        let attributes = Array(Self.attributes(of: cookie).utf8)
        var bytes: [UInt8] = []
        var ends: [Int] = []
        for token in tokens {
            if !token.isEmpty { bytes += start + token + attributes }
            ends.append(bytes.count)
        }
        self.bytes = bytes
        self.ends = ends
    }

    /// The values of one pool's endpoints; nil where the pool sets no cookie. Those that are retired have none.
    public init?(of pool: Pool, in snapshot: Snapshot) {
        guard case .cookie(let cookie)? = pool.sticky?.kind else { return nil }
        self.init(cookie, tokens: snapshot.endpoints[pool.endpoints].map { $0.isRetired ? [] : $0.sessionToken })
    }

    /// Where in `bytes` the endpoint's value is; `index` counts within the pool.
    public func range(for index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    /// The value of the field for the endpoint; `index` counts within the pool. Empty when it has none.
    @_lifetime(borrow self)
    public func field(for index: Int) -> Span<UInt8> { bytes.span.extracting(range(for: index)) }

    private static func attributes(of cookie: StickySessions.Cookie) -> String {
        var text = "; Path=\(cookie.path)"
        if let domain = cookie.domain { text += "; Domain=\(domain)" }
        if let lifetime = cookie.lifetime {
            // Whole seconds, and never 0, which would delete the cookie.
            text += "; Max-Age=\(max(1, lifetime.components.seconds))"
        }
        if cookie.isSecure { text += "; Secure" }
        if cookie.isHTTPOnly { text += "; HttpOnly" }
        if let sameSite = cookie.sameSite {
            let word =
                switch sameSite {
                case .strict: "Strict"
                case .lax: "Lax"
                case .none: "None"
                }
            text += "; SameSite=\(word)"
        }
        return text
    }
}
