/// The fields behind a chunked body (RFC 9112 section 7.1.2).
public enum TrailerSection {
    /// Parses the trailer section at `start`, empty line included, filling `fields`; lines that must not be trailers
    /// are marked as dropped (RFC 9110 section 6.5.1).
    ///
    /// - Parameter isRequest: whether a client sent it; `fields.clientRules` hold then as for its head.
    /// - Returns: the offset behind the section, or nil when it has not arrived whole.
    /// - Throws: `.badTrailer` for whatever would be refused in a head too.
    public static func parse(
        _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, ofRequest isRequest: Bool = false,
        into fields: inout FieldTable
    ) throws(Reason) -> Int? {
        let isCut = bytes.count - start >= limits.bytes
        let visible = isCut ? bytes.extracting(0..<start + limits.bytes) : bytes
        let end: Int?
        do {
            end = try fields.parseSection(
                visible, from: start, limit: limits.fields, of: isRequest ? .requestTrailer : .responseTrailer)
        } catch {
            throw .badTrailer
        }
        guard end != nil || !isCut else { throw .badTrailer }
        for index in 0..<fields.count
        where fields[index].field != .other || isForHeadsOnly(bytes, fields[index].name) {
            fields.drop(index)
        }
        return end
    }

    /// Whether a field of that name says something that a recipient must know before the body, or could be taken to.
    ///
    /// Names are compared as CGI and WSGI would see them, where every character but letters and digits is the same.
    /// Trailers are rare, so the lists are simply gone through.
    private static func isForHeadsOnly(_ bytes: Span<UInt8>, _ name: Range<Int>) -> Bool {
        // Made for trailers (RFC 9530 section 2).
        if bytes.equalsFolded(name, "content-digest") { return false }
        for prefix in families where bytes.startsFolded(name, prefix) { return true }
        for other in names where bytes.equalsFolded(name, other) { return true }
        return false
    }

    /// How names begin that frame the body, pass for a proxy's or another client's word, or name another resource.
    private static let families: [StaticString] = [
        "content-", "proxy-", "x-forwarded-", "x-original-", "x-rewrite-", "x-http-method", "x-method-override", "sec-",
        "if-", "access-control-", "apus-",
    ]

    private static let names: [StaticString] = [
        // Framing, routing and the connection.
        "transfer-encoding", "host", "te", "trailer", "connection", "keep-alive", "upgrade", "http2-settings", "expect",
        "max-forwards", "via", "range",
        // Credentials and sessions.
        "authorization", "www-authenticate", "cookie", "cookie2", "set-cookie", "set-cookie2",
        // Who the client is.
        "forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "client-ip",
        "cf-connecting-ip", "fastly-client-ip", "x-remote-addr", "x-remote-user", "remote-user", "proxy", "origin",
        // What steers caches and the response as a whole.
        "age", "cache-control", "pragma", "expires", "date", "location", "refresh", "retry-after", "vary", "warning",
        "strict-transport-security", "clear-site-data", "alt-svc",
    ]
}
