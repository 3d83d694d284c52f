/// The target of a request, taken apart (RFC 9112 section 3.2), as offsets into the bytes that were parsed.
public struct RequestTarget: Sendable {
    public enum Form: Sendable { case origin, absolute, asterisk }

    public var form: Form
    /// The authority of an absolute-form target, with its port; empty otherwise.
    public var authority: Range<Int>
    /// The host of `authority`, without its port.
    public var authorityHost: Range<Int>
    /// Path and query as they are forwarded. Where an absolute-form target has no path it starts at the query or is
    /// empty, and `/` (or `*` for OPTIONS) stands for what is missing.
    public var pathAndQuery: Range<Int>
    /// The path alone, for matching routes.
    public var path: Range<Int>

    /// The target of no request.
    init() {
        form = .origin
        authority = 0..<0
        authorityHost = 0..<0
        pathAndQuery = 0..<0
        path = 0..<0
    }

    init(_ bytes: Span<UInt8>, _ line: RequestLine) throws(Reason) {
        let target = line.target
        switch bytes[target.lowerBound] {
        case 0x2f:
            self.init(form: .origin, authority: 0..<0, host: 0..<0, pathAndQuery: target, bytes)
        case 0x2a where target.count == 1 && line.method == .options:
            self.init(form: .asterisk, authority: 0..<0, host: 0..<0, pathAndQuery: target, bytes)
        default:
            try self.init(absolute: bytes, target)
        }
    }

    private init(absolute bytes: Span<UInt8>, _ target: Range<Int>) throws(Reason) {
        guard let start = Self.authorityStart(bytes, target) else { throw .badTarget }
        var end = start
        while end < target.upperBound, bytes[end] != 0x2f, bytes[end] != 0x3f { end += 1 }
        guard let host = Authority.host(bytes, start..<end) else { throw .badTarget }
        self.init(
            form: .absolute, authority: start..<end, host: host, pathAndQuery: end..<target.upperBound, bytes)
    }

    private init(
        form: Form, authority: Range<Int>, host: Range<Int>, pathAndQuery: Range<Int>, _ bytes: Span<UInt8>
    ) {
        self.form = form
        self.authority = authority
        authorityHost = host
        self.pathAndQuery = pathAndQuery
        path = pathAndQuery.lowerBound..<bytes.first(0x3f, in: pathAndQuery)
    }

    /// Behind `http://` or `https://`.
    private static func authorityStart(_ bytes: Span<UInt8>, _ target: Range<Int>) -> Int? {
        let start = target.lowerBound
        for scheme: StaticString in ["http://", "https://"] {
            let end = start + scheme.utf8CodeUnitCount
            if end <= target.upperBound, bytes.equalsIgnoringCase(start..<end, scheme) { return end }
        }
        return nil
    }
}
