/// The fields that both ends know from the start (RFC 7541 appendix A), by their indices, which begin at 1.
enum StaticTable {
    static let count = 61

    /// - Parameter index: 1 to `count`.
    static func name(_ index: Int) -> StaticString { fields[index &- 1].name }
    static func value(_ index: Int) -> StaticString { fields[index &- 1].value }

    private static let fields: [(name: StaticString, value: StaticString)] = [
        (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
        (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
        (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
        ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
        ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
        ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
        ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""),
        ("etag", ""), ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""),
        ("if-modified-since", ""), ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""),
        ("last-modified", ""), ("link", ""), ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""),
        ("proxy-authorization", ""), ("range", ""), ("referer", ""), ("refresh", ""), ("retry-after", ""),
        ("server", ""), ("set-cookie", ""), ("strict-transport-security", ""), ("transfer-encoding", ""),
        ("user-agent", ""), ("vary", ""), ("via", ""), ("www-authenticate", ""),
    ]

    /// The index of a field of that name, whatever its case; 0 where there is none.
    static func index(of bytes: Span<UInt8>, _ name: Range<Int>) -> Int {
        let candidates = byLength[min(name.count, byLength.count - 1)]
        for index in candidates where bytes.equalsIgnoringCase(name, Self.name(Int(index))) { return Int(index) }
        return 0
    }

    /// By the length of their names: the first field of each name.
    private static let byLength: [[UInt8]] = {
        var found: [[UInt8]] = Array(repeating: [], count: 34)
        var known: Set<String> = []
        for index in 1...count where known.insert(name(index).description).inserted {
            found[name(index).utf8CodeUnitCount].append(UInt8(index))
        }
        return found
    }()
}
