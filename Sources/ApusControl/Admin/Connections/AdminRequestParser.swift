import ApusHTTP
import HTTPTypes
import NIOCore

/// Takes requests out of the bytes of a connection, by the rules of the data plane and by no others: what it would refuse
/// is refused here, and nothing is read in a second way.
struct AdminRequestParser: ~Copyable {
    enum Event {
        case head(Head)
        /// A piece of the body.
        case body(ByteBuffer)
        /// The request is complete.
        case end
        /// More bytes have to come first.
        case needsMore
    }

    struct Head {
        var request: HTTPRequest
        var isHTTP11: Bool
        var keepsAlive: Bool
        var expectsContinue: Bool
        var hasBody: Bool
    }

    private enum State {
        case head
        case length(UInt64)
        case chunked(ChunkedDecoder)
        case trailers
    }

    private var state = State.head
    private var fields = FieldTable()
    private let limits = HeadLimits()
    /// Bytes of an incomplete head that have been looked at.
    private var seen = 0

    /// What comes next in `buffer`, which loses the bytes that are used up.
    mutating func next(_ buffer: inout ByteBuffer) throws(Reason) -> Event {
        switch state {
        case .head: return try nextHead(&buffer)
        case .length(let left):
            if left == 0 { return end() }
            let count = Int(min(left, UInt64(buffer.readableBytes)))
            guard count > 0, let piece = buffer.readSlice(length: count) else { return .needsMore }
            state = .length(left - UInt64(count))
            return .body(piece)
        case .chunked(var decoder):
            let event: ChunkedDecoder.Event
            // The framing that stands before the data is used up with it.
            event = try decoder.next(buffer.readableBytesUInt8Span, from: 0)
            state = .chunked(decoder)
            switch event {
            case .data(let range):
                buffer.moveReaderIndex(forwardBy: range.lowerBound)
                guard let piece = buffer.readSlice(length: range.count) else { return .needsMore }
                return .body(piece)
            case .trailers(let start):
                buffer.moveReaderIndex(forwardBy: start)
                state = .trailers
                return try nextTrailers(&buffer)
            case .needsMore:
                buffer.moveReaderIndex(to: buffer.writerIndex)
                return .needsMore
            }
        case .trailers: return try nextTrailers(&buffer)
        }
    }

    private mutating func end() -> Event {
        state = .head
        seen = 0
        return .end
    }

    /// Trailers say nothing that matters here.
    private mutating func nextTrailers(_ buffer: inout ByteBuffer) throws(Reason) -> Event {
        let end = try TrailerSection.parse(buffer.readableBytesUInt8Span, from: 0, limits: limits, into: &fields)
        guard let end else { return .needsMore }
        buffer.moveReaderIndex(forwardBy: end)
        return self.end()
    }

    private mutating func nextHead(_ buffer: inout ByteBuffer) throws(Reason) -> Event {
        guard let (head, framing, end) = try parseHead(buffer.readableBytesUInt8Span) else { return .needsMore }
        switch framing {
        case .length(let length): state = .length(length)
        case .chunked: state = .chunked(ChunkedDecoder())
        case .none, .untilClose: state = .length(0)
        }
        buffer.moveReaderIndex(forwardBy: end)
        return .head(head)
    }

    /// The head, how the body's end is found, and where the body starts.
    private mutating func parseHead(_ bytes: Span<UInt8>) throws(Reason) -> (Head, BodyFraming, Int)? {
        guard bytes.count >= limits.bytes || headMayEnd(bytes, newFrom: seen),
            let head = try RequestHead.parse(bytes, limits: limits, into: &fields)
        else {
            seen = bytes.count
            return nil
        }
        let parsed = Head(
            request: try Self.request(head, bytes, fields), isHTTP11: head.version == .http11,
            keepsAlive: head.keepsAlive, expectsContinue: head.expectsContinue, hasBody: head.framing != .none)
        return (parsed, head.framing, head.end)
    }

    private static func request(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ table: borrowing FieldTable
    ) throws(Reason) -> HTTPRequest {
        guard let method = HTTPRequest.Method(rawValue: bytes.text(head.line.methodRange)) else { throw .badMethod }
        let host = bytes.text(head.hostField)
        var authority = host
        if head.target.form == .absolute {
            authority = bytes.text(head.target.authority)
            // The host that a proxy in between looks at must be the one that is looked at here.
            guard host.isEmpty || host.lowercased() == authority.lowercased() else { throw .badHost }
        }
        var path = bytes.text(head.target.pathAndQuery)
        if path.first != "/", head.target.form != .asterisk { path = "/" + path }
        var fields = HTTPFields()
        for index in 0..<table.count {
            let line = table[index]
            // A length that only repeats another one is not listed twice.
            if line.field == .contentLength, line.isDropped { continue }
            guard line.field != .host, let name = HTTPField.Name(bytes.text(line.name)) else { continue }
            fields.append(HTTPField(name: name, value: bytes.text(line.value)))
        }
        // As the server that carries it out looks for it.
        fields[.connection] = head.keepsAlive ? nil : "close"
        return HTTPRequest(
            method: method, scheme: "http", authority: authority.isEmpty ? nil : authority, path: path,
            headerFields: fields)
    }
}

extension Span<UInt8> {
    /// What is not UTF-8 is replaced.
    fileprivate func text(_ range: Range<Int>) -> String {
        String(decoding: range.map { self[$0] }, as: UTF8.self)
    }
}
