/// The fields behind a chunked body (RFC 9112 section 7.1.2).
public enum TrailerSection {
    /// Parses the trailer section at `start`, empty line included, filling `fields`; lines that must not be trailers
    /// are marked as dropped: framing, routing and hop-by-hop fields (RFC 9110 section 6.5.1).
    ///
    /// - Returns: the offset behind the section, or nil when it has not arrived whole.
    /// - Throws: `.badTrailer` for whatever would be refused in a head too.
    public static func parse(
        _ bytes: Span<UInt8>, from start: Int, limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> Int? {
        let isCut = bytes.count - start >= limits.bytes
        let visible = isCut ? bytes.extracting(0..<start + limits.bytes) : bytes
        let end: Int?
        do {
            end = try fields.parseSection(visible, from: start, limit: limits.fields, of: .trailer)
        } catch {
            throw .badTrailer
        }
        guard end != nil || !isCut else { throw .badTrailer }
        for index in 0..<fields.count where fields[index].field != .other { fields.drop(index) }
        return end
    }
}
