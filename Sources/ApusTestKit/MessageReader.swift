/// A small reader of HTTP/1 messages, strict and slow, that shares no code with the product.
struct MessageReader {
    private let connection: Connection
    /// Bytes of the head that is being read, for errors.
    private var raw: [UInt8] = []

    init(_ connection: Connection) {
        self.connection = connection
    }

    // MARK: Heads

    /// The next request head, or nil when the peer closed before its first byte.
    mutating func readRequestHead() throws -> Request? {
        guard let first = try readLine(orEnd: true) else { return nil }
        let parts = first.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { throw malformed("a bad request line") }
        guard parts[0].allSatisfy(isTokenByte) else { throw malformed("a bad method") }
        guard parts[1].allSatisfy({ (0x21...0x7e).contains($0) }) else { throw malformed("a bad target") }
        let version = text(parts[2])
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else { throw malformed("a bad version") }
        let fields = try readFields()
        return Request(
            method: text(parts[0]), target: text(parts[1]), version: version, fields: fields,
            framing: try framing(of: fields) ?? .none)
    }

    mutating func readResponseHead() throws -> Response {
        let line = try readLine(orEnd: false)!
        let parts = line.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw malformed("a bad status line") }
        let version = text(parts[0])
        guard version == "HTTP/1.1" || version == "HTTP/1.0" else { throw malformed("a bad version") }
        guard parts[1].count == 3, let status = Int(text(parts[1])), (100...999).contains(status) else {
            throw malformed("a bad status")
        }
        let fields = try readFields()
        return Response(
            version: version, status: status, phrase: text(parts[2]), fields: fields,
            framing: try framing(of: fields) ?? .close)
    }

    /// A line without its CRLF, which nothing else may end; nil at the end of the connection, if that is allowed here.
    private mutating func readLine(orEnd: Bool) throws -> [UInt8]? {
        var line: [UInt8] = []
        while true {
            guard let byte = try connection.nextByte() else {
                if orEnd, raw.isEmpty { return nil }
                throw KitError.ended(connection.ending!, while: "reading a head", received: raw)
            }
            raw.append(byte)
            switch byte {
            case 0x0d:
                guard try connection.nextByte() == 0x0a else { throw malformed("a bare CR") }
                raw.append(0x0a)
                return line
            case 0x0a: throw malformed("a bare LF")
            case 0x09, 0x20...0x7e, 0x80...0xff: line.append(byte)
            default: throw malformed("a control byte")
            }
        }
    }

    private mutating func readFields() throws -> Fields {
        var fields = Fields()
        while let line = try readLine(orEnd: false), !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0, line[..<colon].allSatisfy(isTokenByte)
            else { throw malformed("a bad field line") }
            let value = line[(colon + 1)...].drop(while: isBlank).reversed().drop(while: isBlank).reversed()
            fields.lines.append(Fields.Line(name: text(line[..<colon]), value: text(value)))
        }
        return fields
    }

    /// What the fields say about the body; nil when they say nothing.
    private func framing(of fields: Fields) throws -> Framing? {
        let lengths = fields.all("Content-Length")
        let codings = fields.all("Transfer-Encoding")
        guard lengths.count + codings.count <= 1 else { throw malformed("ambiguous framing") }
        if let coding = codings.first {
            guard coding.lowercased() == "chunked" else { throw malformed("a transfer coding other than chunked") }
            return .chunked
        }
        guard let length = lengths.first else { return nil }
        guard !length.isEmpty, length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(length) else {
            throw malformed("a bad Content-Length")
        }
        return .contentLength(count)
    }

    // MARK: Bodies

    mutating func readBody(of head: Request) throws -> Request {
        var request = head
        let body = try readBody(head.framing)
        guard body.isComplete else {
            throw KitError.ended(connection.ending!, while: "reading a request body", received: body.bytes)
        }
        request.body = body.bytes
        request.trailers = body.trailers
        request.chunks = body.chunks
        return request
    }

    mutating func readBody(of head: Response, method: String) throws -> Response {
        var response = head
        if method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304 {
            response.framing = .none
        }
        let body = try readBody(response.framing)
        response.body = body.bytes
        response.trailers = body.trailers
        response.chunks = body.chunks
        response.ending = connection.ending
        response.isComplete = body.isComplete
        return response
    }

    private struct Body {
        var bytes: [UInt8] = []
        var chunks: [Int] = []
        var trailers = Fields()
        var isComplete = true
    }

    private mutating func readBody(_ framing: Framing) throws -> Body {
        switch framing {
        case .none: return Body()
        case .contentLength(let count):
            let bytes = try connection.read(count)
            return Body(bytes: bytes, isComplete: bytes.count == count)
        case .close:
            let (bytes, ending) = try connection.readToEnd()
            return Body(bytes: bytes, isComplete: ending == .closed)
        case .chunked: return try readChunks()
        }
    }

    private mutating func readChunks() throws -> Body {
        var body = Body()
        do {
            while true {
                raw = []
                let line = try readLine(orEnd: false)!
                guard (1...15).contains(line.count), line.allSatisfy(isHexDigit), let size = Int(text(line), radix: 16)
                else { throw malformed("a bad chunk size") }
                if size == 0 { break }
                body.chunks.append(size)
                body.bytes += try connection.read(size)
                let end = try connection.read(2)
                guard end.count == 2 else {
                    body.isComplete = false
                    return body
                }
                guard end == [0x0d, 0x0a] else { throw malformed("a chunk without CRLF at its end") }
            }
            body.trailers = try readFields()
        } catch KitError.ended {
            body.isComplete = false
        }
        return body
    }

    private func malformed(_ what: String) -> KitError { .malformed(what, received: raw) }
}

private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

private func isHexDigit(_ byte: UInt8) -> Bool {
    UnicodeScalar(byte).properties.isASCIIHexDigit
}
