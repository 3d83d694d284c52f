/// The sending end of HPACK: heads of HTTP/1.1, as Apus writes them, become blocks (RFC 7541).
///
/// By the static table alone, and without Huffman's code: nothing is remembered for a peer, and each byte is looked at once.
public enum BlockWriter {
    /// Writes a response's head.
    ///
    /// - Parameters:
    ///   - head: `HTTP/1.1 200 OK` and lines `Name: value`, up to the empty line, which may be there or not.
    ///   - shrinksTable: the block has to say first that no table is used (`HTTP2Session.mustShrinkTable`).
    ///   - keepsSecrets: nobody on the way may remember any of its fields: some came that way (`HTTP2HeadText.hasSecret`).
    /// - Returns: false if `head` is not one; whatever was written is useless then.
    public static func write(
        response head: Span<UInt8>, shrinksTable: Bool = false, keepsSecrets: Bool = false,
        to sink: inout some FrameSink & ~Copyable
    ) -> Bool {
        guard head.count >= 12 else { return false }
        for index in 9..<12 where !isDigit(head[index]) { return false }
        // There is no switching of protocols (RFC 9113 section 8.6).
        guard !head.equalsIgnoringCase(9..<12, "101") else { return false }
        if shrinksTable { sink.append(0x20) }
        write(status: head, 9..<12, to: &sink)
        guard let start = lineEnd(head, from: 12) else { return false }
        return write(lines: head, from: start, keepsSecrets, to: &sink)
    }

    /// Writes trailers: lines `Name: value`.
    public static func write(
        trailers: Span<UInt8>, shrinksTable: Bool = false, keepsSecrets: Bool = false,
        to sink: inout some FrameSink & ~Copyable
    ) -> Bool {
        if shrinksTable { sink.append(0x20) }
        return write(lines: trailers, from: 0, keepsSecrets, to: &sink)
    }

    /// Writes a request's head.
    ///
    /// - Parameters:
    ///   - head: `GET /x HTTP/1.1` and lines, among them Host.
    ///   - isSecure: whether its scheme is https.
    public static func write(
        request head: Span<UInt8>, isSecure: Bool, shrinksTable: Bool = false, keepsSecrets: Bool = false,
        to sink: inout some FrameSink & ~Copyable
    ) -> Bool {
        let methodEnd = head.first(space, in: 0..<head.count)
        let targetEnd = head.first(space, in: min(methodEnd + 1, head.count)..<head.count)
        guard targetEnd < head.count, let start = lineEnd(head, from: targetEnd) else { return false }
        if shrinksTable { sink.append(0x20) }
        let method = 0..<methodEnd
        let target = methodEnd + 1..<targetEnd
        guard head.isToken(method), !target.isEmpty else { return false }
        // One with a target of another form is for a proxy, and CONNECT has an authority alone (RFC 9113 section 8.5).
        let isConnect = head.equalsIgnoringCase(method, "connect")
        let isPath = head[target.lowerBound] == 0x2f || target.count == 1 && head[target.lowerBound] == 0x2a
        guard isConnect || isPath else { return false }
        if method.count == 3, head.equalsIgnoringCase(method, "get"), head[0] == 0x47 {
            sink.append(0x82)
        } else {
            write(indexedName: 2, head, method, to: &sink)
        }
        if isConnect {
            write(indexedName: 1, head, target, to: &sink)
            return write(lines: head, from: start, isRequest: true, keepsSecrets, to: &sink)
        }
        sink.append(isSecure ? 0x87 : 0x86)
        if let host = host(head, from: start) { write(indexedName: 1, head, host, to: &sink) }
        if target.count == 1, head[target.lowerBound] == 0x2f {
            sink.append(0x84)
        } else {
            write(indexedName: 4, head, target, to: &sink)
        }
        return write(lines: head, from: start, isRequest: true, keepsSecrets, to: &sink)
    }

    // MARK: - Lines

    /// - Returns: false for a line that is none.
    private static func write(
        lines head: Span<UInt8>, from start: Int, isRequest: Bool = false, _ keepsSecrets: Bool,
        to sink: inout some FrameSink & ~Copyable
    ) -> Bool {
        var offset = start
        while offset < head.count, head[offset] != cr {
            guard let line = Line(head, from: offset) else { return false }
            offset = line.end
            if isOfConnection(head, line) || isRequest && head.equalsIgnoringCase(line.name, "host") { continue }
            write(line, of: head, isSecret: keepsSecrets || isSecret(head, line.name), to: &sink)
        }
        return true
    }

    private struct Line {
        var name: Range<Int>
        var value: Range<Int>
        var end: Int

        init?(_ head: Span<UInt8>, from start: Int) {
            guard let end = BlockWriter.lineEnd(head, from: start) else { return nil }
            let nameEnd = head.first(colon, in: start..<end - 2)
            guard nameEnd < end - 2, head.isToken(start..<nameEnd) else { return nil }
            name = start..<nameEnd
            value = head.trimmed(nameEnd + 1..<end - 2)
            self.end = end
            for offset in value where !isFieldValueByte(head[offset]) { return nil }
        }
    }

    /// Behind the line that goes on at `start`.
    private static func lineEnd(_ head: Span<UInt8>, from start: Int) -> Int? {
        let end = head.first(cr, in: start..<head.count)
        return end + 1 < head.count && head[end + 1] == lf ? end + 2 : nil
    }

    private static func host(_ head: Span<UInt8>, from start: Int) -> Range<Int>? {
        var offset = start
        while let line = Line(head, from: offset) {
            if head.equalsIgnoringCase(line.name, "host") { return line.value }
            offset = line.end
            guard offset < head.count, head[offset] != cr else { return nil }
        }
        return nil
    }

    /// A field that HTTP/2 has other means for (RFC 9113 section 8.2.2).
    private static func isOfConnection(_ head: Span<UInt8>, _ line: Line) -> Bool {
        switch line.name.count {
        case 2:
            head.equalsIgnoringCase(line.name, "te") && !head.equalsIgnoringCase(line.value, "trailers")
        case 7: head.equalsIgnoringCase(line.name, "upgrade")
        case 10:
            head.equalsIgnoringCase(line.name, "connection") || head.equalsIgnoringCase(line.name, "keep-alive")
        case 14: head.equalsIgnoringCase(line.name, "http2-settings")
        case 16: head.equalsIgnoringCase(line.name, "proxy-connection")
        case 17: head.equalsIgnoringCase(line.name, "transfer-encoding")
        default: false
        }
    }

    private static func write(
        _ line: Line, of head: Span<UInt8>, isSecret: Bool, to sink: inout some FrameSink & ~Copyable
    ) {
        // What lets somebody in must not be remembered by those who pass it on (RFC 7541 section 7.1.3).
        let first: UInt8 = isSecret ? 0x10 : 0x00
        let index = StaticTable.index(of: head, line.name)
        if index > 0 {
            sink.append(number: index, bits: 4, first: first)
        } else {
            sink.append(first)
            sink.append(number: line.name.count, bits: 7, first: 0)
            for offset in line.name { sink.append(lowercased(head[offset])) }
        }
        sink.append(number: line.value.count, bits: 7, first: 0)
        for offset in line.value { sink.append(head[offset]) }
    }

    private static func isSecret(_ head: Span<UInt8>, _ name: Range<Int>) -> Bool {
        switch name.count {
        case 6: head.equalsIgnoringCase(name, "cookie")
        case 10: head.equalsIgnoringCase(name, "set-cookie")
        case 13: head.equalsIgnoringCase(name, "authorization")
        case 19: head.equalsIgnoringCase(name, "proxy-authorization")
        default: false
        }
    }

    private static func write(
        status head: Span<UInt8>, _ range: Range<Int>, to sink: inout some FrameSink & ~Copyable
    ) {
        let start = range.lowerBound
        let number = range.reduce(0) { $0 * 10 + Int(head[$1] & 15) }
        let index = [200, 204, 206, 304, 400, 404, 500].firstIndex(of: number)
        if let index { return sink.append(UInt8(0x88 + index)) }
        sink.append(0x08)
        sink.append(0x03)
        for offset in start..<start + 3 { sink.append(head[offset]) }
    }

    private static func write(
        indexedName index: Int, _ bytes: Span<UInt8>, _ value: Range<Int>, to sink: inout some FrameSink & ~Copyable
    ) {
        sink.append(number: index, bits: 4, first: 0)
        sink.append(number: value.count, bits: 7, first: 0)
        for offset in value { sink.append(bytes[offset]) }
    }
}

extension FrameSink where Self: ~Copyable {
    /// A number of which the first byte has `bits` bits (RFC 7541 section 5.1).
    ///
    /// - Parameter first: what else stands in that byte.
    mutating func append(number: Int, bits: Int, first: UInt8) {
        let mask = 1 << bits - 1
        guard number >= mask else { return append(first | UInt8(number)) }
        append(first | UInt8(mask))
        var rest = number - mask
        while rest >= 0x80 {
            append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
