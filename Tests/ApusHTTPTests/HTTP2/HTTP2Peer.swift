@testable import ApusHTTP

/// What is written.
struct FrameBytes: FrameSink {
    var bytes: [UInt8] = []
    mutating func append(_ byte: UInt8) { bytes.append(byte) }
}

/// One end of a connection, and what it says of what it is sent.
final class HTTP2Peer {
    var session: HTTP2Session
    private var scratch = HPACKScratch(capacity: 4_096)
    private var head: HTTP2HeadText
    private var sink = FrameBytes()
    var now: UInt32 = 5_000

    init(_ role: HTTP2Session.Role = .server, _ limits: HTTP2Session.Limits = .init()) {
        session = HTTP2Session(role, limits)
        head = HTTP2HeadText(role == .server ? .request : .response)
    }

    /// One that has had the beginning of a conversation.
    static func begun(_ role: HTTP2Session.Role = .server, _ limits: HTTP2Session.Limits = .init()) -> HTTP2Peer {
        let peer = HTTP2Peer(role, limits)
        _ = peer.write { $0.begin(&$1) }
        _ = peer.take((role == .server ? Self.preface : []) + settings() + settingsAck)
        return peer
    }

    /// Events, in words, and then the frames that it has written.
    func take(_ bytes: [UInt8]) -> [String] {
        var said: [String] = []
        var offset = 0
        loop: while true {
            let event = session.next(bytes.span, from: &offset, now: now, &scratch, into: &head, &sink)
            switch event {
            case .needsMore: break loop
            case .head(let stream, let isTrailer, let ends):
                var first = ""
                if let count = try? head.finish(endsStream: ends) {
                    let line = head.copied.prefix(count).prefix { $0 != 0x0d }
                    first = String(decoding: line, as: UTF8.self)
                } else {
                    first = "bad"
                }
                said.append("\(isTrailer ? "trailers" : "head") \(stream.id) \(first)\(ends ? " end" : "")")
            case .data(let stream, let range, let ends):
                said.append("data \(stream.id) \(range.count)\(ends ? " end" : "")")
            case .reset(let stream, let error, let byPeer):
                said.append("\(byPeer ? "reset" : "fault") \(stream.id) \(error)")
            case .windowOpened(let stream): said.append("window \(stream.map { "\($0.id)" } ?? "all")")
            case .goAway(let last, let error): said.append("goaway \(last) \(error)")
            case .pong(let payload): said.append("pong \(payload)")
            case .failed(let failure):
                said.append("failed \(failure.error)\(failure.flood.map { " by \($0)" } ?? "")")
                break loop
            }
        }
        return said + written()
    }

    /// The frames that were written since it was asked last.
    func written() -> [String] {
        defer { sink.bytes = [] }
        return Self.frames(sink.bytes)
    }

    func write(_ what: (inout HTTP2Session, inout FrameBytes) -> Void) -> [String] {
        what(&session, &sink)
        return written()
    }

    static func frames(_ bytes: [UInt8]) -> [String] {
        var said: [String] = []
        var offset = 0
        while let header = FrameHeader(bytes.span, at: offset) {
            offset += FrameHeader.count
            func number(_ at: Int) -> UInt32 { bytes.span.bigEndian(at: offset + at) }
            switch header.kind {
            case .settings:
                said.append(header.flags.contains(.ack) ? "> settings ack" : "> settings \(header.length / 6)")
            case .ping: said.append("> ping\(header.flags.contains(.ack) ? " ack" : "")")
            case .reset: said.append("> reset \(header.stream) \(HTTP2Error(rawValue: number(0)))")
            case .windowUpdate: said.append("> window \(header.stream) \(number(0))")
            case .goAway: said.append("> goaway \(number(0)) \(HTTP2Error(rawValue: number(4)))")
            default: said.append("> kind \(header.kind.rawValue)")
            }
            offset += header.length
        }
        return said + (offset == bytes.count ? [] : ["> torn"])
    }

    // MARK: - What is asked of it

    var streamCount: Int { session.streamCount }
    var isIdle: Bool { session.isIdle }
    var isAcknowledged: Bool { session.isAcknowledged }
    var settings: HTTP2Settings { session.peer }
    func stream(_ id: UInt32) -> StreamHandle? { session.stream(id) }
    func allowance(_ id: UInt32) -> Int { session.allowance(session.stream(id)!) }
    func expect(_ id: UInt32, _ bytes: Int64) -> Bool { session.expect(session.stream(id)!, bytes) }
    func sentHead(_ id: UInt32, endsStream: Bool = true) {
        session.sentHead(session.stream(id)!, 10, endsStream: endsStream)
    }
    func sentData(_ id: UInt32, _ count: Int, endsStream: Bool = false) {
        session.sentData(session.stream(id)!, count, endsStream: endsStream)
    }
    func consumed(_ id: UInt32, _ count: Int) -> [String] {
        let stream = session.stream(id)!
        return write { $0.consumed(stream, count, &$1) }
    }
    func open() -> StreamHandle? { session.open(now: now) }
    func release(_ id: UInt32, _ error: HTTP2Error = .cancel) -> [String] {
        guard let stream = session.stream(id) else { return [] }
        return write { $0.release(stream, error, &$1) }
    }

    // MARK: - What it is sent

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settingsAck = frame(.settings, .ack)

    static func frame(
        _ kind: FrameKind, _ flags: FrameFlags = [], on stream: UInt32 = 0, _ payload: [UInt8] = []
    ) -> [UInt8] {
        var sink = FrameBytes()
        FrameHeader(kind, flags: flags, stream: stream, length: payload.count).write(to: &sink)
        return sink.bytes + payload
    }

    static func settings(_ entries: (UInt16, UInt32)...) -> [UInt8] {
        frame(.settings, of: entries.flatMap { bytes($0.0) + bytes($0.1) })
    }

    /// One of the connection.
    static func frame(_ kind: FrameKind, _ flags: FrameFlags = [], of payload: [UInt8]) -> [UInt8] {
        frame(kind, flags, on: 0, payload)
    }

    static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// `GET / HTTP/1.1` to `a`.
    static let get: [UInt8] = [0x82, 0x86, 0x84, 0x41, 0x01, 0x61]
    static let post: [UInt8] = [0x83, 0x86, 0x84, 0x41, 0x01, 0x61]
    /// `:status: 200`
    static let ok: [UInt8] = [0x88]

    static func headers(
        _ stream: UInt32, _ block: [UInt8] = get, _ flags: FrameFlags = [.endHeaders, .endStream]
    ) -> [UInt8] { frame(.headers, flags, on: stream, block) }

    static func data(_ stream: UInt32, _ count: Int, ends: Bool = false) -> [UInt8] {
        frame(.data, ends ? .endStream : [], on: stream, Array(repeating: 0x78, count: count))
    }

    static func reset(_ stream: UInt32, _ error: HTTP2Error = .cancel) -> [UInt8] {
        frame(.reset, on: stream, bytes(error.rawValue))
    }

    static func window(_ stream: UInt32, _ count: UInt32) -> [UInt8] { frame(.windowUpdate, on: stream, bytes(count)) }
}

extension HTTP2HeadText {
    fileprivate var copied: [UInt8] {
        let bytes = written
        return bytes.indices.map { bytes[$0] }
    }
}
