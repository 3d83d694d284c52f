import Testing

@testable import ApusHTTP

@Suite struct HTTP2SessionTests {
    typealias Peer = HTTP2Peer

    @Test func aConnectionBeginsWithSettings() {
        let peer = Peer()
        #expect(peer.write { $0.begin(&$1) } == ["> settings 2", "> window 0 983041"])
        #expect(peer.take(Peer.preface + Peer.settings((4, 100))) == ["> settings ack"])
        #expect(!peer.isAcknowledged)
        #expect(peer.take(Peer.settingsAck) == [])
        #expect(peer.isAcknowledged && peer.settings.window == 100)
        #expect(peer.take(Peer.headers(1)) == ["head 1 GET / HTTP/1.1 end"])
        let client = Peer(.client)
        #expect(client.write { $0.begin(&$1) }.contains("> settings 2") == false)
    }

    static let beginnings: [([UInt8], [String])] = [
        (Array("GET / HTTP/1.1\r\n".utf8), ["failed PROTOCOL_ERROR", "> goaway 0 PROTOCOL_ERROR"]),
        (Peer.preface + Peer.headers(1), ["failed PROTOCOL_ERROR", "> goaway 0 PROTOCOL_ERROR"]),
        (Peer.preface + Peer.settingsAck, ["failed PROTOCOL_ERROR", "> goaway 0 PROTOCOL_ERROR"]),
        (
            Peer.preface + Peer.frame(.ping, of: Array(repeating: 0, count: 8)),
            ["failed PROTOCOL_ERROR", "> goaway 0 PROTOCOL_ERROR"]
        ),
        (Peer.preface, []),
    ]

    @Test(arguments: beginnings)
    func whatBeginsOtherwiseIsNotHTTP2(_ bytes: [UInt8], _ expected: [String]) {
        let peer = Peer()
        #expect(peer.take(bytes) == expected)
    }

    /// However the bytes are cut, they mean the same.
    @Test func cutsChangeNothing() {
        let body = Peer.frame(.data, [.padded, .endStream], on: 3, [3] + [1, 2, 3, 4] + [0, 0, 0])
        let bytes =
            Peer.headers(1) + Peer.headers(3, Peer.post, [.endHeaders]) + body
            + Peer.frame(.ping, of: Array(repeating: 7, count: 8)) + Peer.settings((4, 70_000))
            + Peer.headers(5, Array(Peer.get.prefix(2)), [.endStream])
            + Peer.frame(.continuation, .endHeaders, on: 5, Array(Peer.get.dropFirst(2)))
            + Peer.frame(FrameKind(rawValue: 0xfa), on: 9, [1, 2, 3]) + Peer.reset(1) + Peer.window(0, 5)
        let whole = Peer.begun()
        let expected = whole.take(bytes)
        #expect(
            expected == [
                "head 1 GET / HTTP/1.1 end", "head 3 POST / HTTP/1.1", "data 3 4 end", "window all",
                "head 5 GET / HTTP/1.1 end", "reset 1 CANCEL", "> ping ack", "> settings ack",
            ])
        for size in [1, 2, 3, 5, 7, 8, 9, 10, 13, 17, 40] {
            let peer = Peer.begun()
            var said: [String] = []
            var frames: [String] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                for words in peer.take(Array(bytes[start..<min(start + size, bytes.count)])) {
                    if words.hasPrefix(">") { frames.append(words) } else { said.append(words) }
                }
            }
            // A body comes in as many pieces as its bytes did.
            let pieces = said.filter { $0.hasPrefix("data 3 ") }
            #expect(pieces.compactMap { Int($0.split(separator: " ")[2]) }.reduce(0, +) == 4)
            #expect(pieces.last?.hasSuffix("end") == true && pieces.filter { $0.hasSuffix("end") }.count == 1)
            #expect(said.filter { !$0.hasPrefix("data") } + frames == expected.filter { !$0.hasPrefix("data") })
        }
    }

    // MARK: - Every frame in every state (RFC 9113 section 5.1)

    enum State: String, CaseIterable {
        case idle, open, halfClosedRemote, halfClosedLocal, closed, resetByPeer, resetByPeerAndLeft, resetHere
    }

    /// A peer whose stream 1 is in that state.
    static func peer(_ state: State) -> Peer {
        let peer = Peer.begun()
        switch state {
        case .idle: break
        case .open: _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        case .halfClosedRemote: _ = peer.take(Peer.headers(1))
        case .halfClosedLocal:
            _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
            peer.sentHead(1)
        case .closed:
            _ = peer.take(Peer.headers(1))
            peer.sentHead(1)
            _ = peer.release(1)
        case .resetByPeer: _ = peer.take(Peer.headers(1, Peer.post, .endHeaders) + Peer.reset(1))
        case .resetByPeerAndLeft:
            _ = peer.take(Peer.headers(1, Peer.post, .endHeaders) + Peer.reset(1))
            _ = peer.release(1)
        case .resetHere:
            _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
            _ = peer.release(1)
        }
        return peer
    }

    static let dead = ["failed PROTOCOL_ERROR", "> goaway 0 PROTOCOL_ERROR"]
    static let dead1 = ["failed PROTOCOL_ERROR", "> goaway 1 PROTOCOL_ERROR"]

    /// The frame, and what becomes of it in each state, in their order.
    static let table: [(String, [UInt8], [[String]])] = {
        let closed = ["fault 1 STREAM_CLOSED", "> reset 1 STREAM_CLOSED"]
        let malformed = ["fault 1 PROTOCOL_ERROR", "> reset 1 PROTOCOL_ERROR"]
        let flow = ["fault 1 FLOW_CONTROL_ERROR", "> reset 1 FLOW_CONTROL_ERROR"]
        let size = ["fault 1 FRAME_SIZE_ERROR", "> reset 1 FRAME_SIZE_ERROR"]
        let reset = ["> reset 1 STREAM_CLOSED"]
        let ended = ["failed STREAM_CLOSED", "> goaway 1 STREAM_CLOSED"]
        let everywhere = [dead] + Array(repeating: dead1, count: 7)
        let nowhere = Array(repeating: [String](), count: 8)
        return [
            ("DATA", Peer.data(1, 3), [dead, ["data 1 3"], closed, ["data 1 3"], reset, [], reset, []]),
            (
                "DATA that ends", Peer.data(1, 0, ends: true),
                [dead, ["data 1 0 end"], closed, ["data 1 0 end"], reset, [], reset, []]
            ),
            (
                "HEADERS", Peer.headers(1, Peer.get, .endHeaders),
                [["head 1 GET / HTTP/1.1"], malformed, closed, malformed, ended, [], reset, []]
            ),
            (
                "trailers", Peer.headers(1, [0x00, 0x01, 0x78, 0x01, 0x79]),
                [["head 1 bad end"], ["trailers 1 x: y end"], closed, ["trailers 1 x: y end"], ended, [], reset, []]
            ),
            ("PRIORITY", Peer.frame(.priority, on: 1, [0, 0, 0, 0, 1]), nowhere),
            (
                "PRIORITY too short", Peer.frame(.priority, on: 1, [0]),
                [
                    ["failed FRAME_SIZE_ERROR", "> goaway 0 FRAME_SIZE_ERROR"], size, size, size,
                    ["failed FRAME_SIZE_ERROR", "> goaway 1 FRAME_SIZE_ERROR"], [],
                    ["failed FRAME_SIZE_ERROR", "> goaway 1 FRAME_SIZE_ERROR"],
                    ["failed FRAME_SIZE_ERROR", "> goaway 1 FRAME_SIZE_ERROR"],
                ]
            ),
            (
                "RST_STREAM", Peer.reset(1),
                [dead, ["reset 1 CANCEL"], ["reset 1 CANCEL"], ["reset 1 CANCEL"], [], [], [], []]
            ),
            ("SETTINGS on it", Peer.frame(.settings, on: 1), everywhere),
            ("PUSH_PROMISE", Peer.frame(.pushPromise, .endHeaders, on: 1, [0, 0, 0, 2] + Peer.get), everywhere),
            ("PING on it", Peer.frame(.ping, on: 1, Array(repeating: 0, count: 8)), everywhere),
            ("GOAWAY on it", Peer.frame(.goAway, on: 1, Array(repeating: 0, count: 8)), everywhere),
            ("WINDOW_UPDATE", Peer.window(1, 1), [dead] + nowhere.dropFirst()),
            ("WINDOW_UPDATE of nothing", Peer.window(1, 0), [dead, malformed, malformed, malformed, [], [], [], []]),
            ("WINDOW_UPDATE of too much", Peer.window(1, 0x7fff_ffff), [dead, flow, flow, flow, [], [], [], []]),
            ("CONTINUATION", Peer.frame(.continuation, .endHeaders, on: 1, Peer.get), everywhere),
            ("an unknown frame", Peer.frame(FrameKind(rawValue: 0x42), on: 1, [1, 2]), nowhere),
            ("PRIORITY_UPDATE", Peer.frame(.priorityUpdate, of: [0, 0, 0, 1] + Array("u=1".utf8)), nowhere),
            ("PRIORITY_UPDATE on it", Peer.frame(.priorityUpdate, on: 1, [0, 0, 0, 1]), everywhere),
        ]
    }()

    @Test(arguments: table)
    func everyFrameMeansWhatTheStandardSays(_ name: String, _ bytes: [UInt8], _ expected: [[String]]) {
        for (state, words) in zip(State.allCases, expected) {
            let peer = Self.peer(state)
            #expect(peer.take(bytes) == words, "\(name) in \(state)")
            // What is no end of the connection leaves it usable.
            guard !words.contains(where: { $0.hasPrefix("failed") }) else { continue }
            #expect(peer.take(Peer.headers(11)).first == "head 11 GET / HTTP/1.1 end", "behind \(name) in \(state)")
        }
    }

    // MARK: - Frames that are none

    static func failure(_ error: HTTP2Error, last: UInt32 = 0) -> [String] {
        ["failed \(error)", "> goaway \(last) \(error)"]
    }

    static let malformed: [(String, [UInt8], [String])] = [
        ("DATA without a stream", Peer.data(0, 1), failure(.protocolError)),
        ("HEADERS without a stream", Peer.headers(0), failure(.protocolError)),
        ("HEADERS on an even stream", Peer.headers(2), failure(.protocolError)),
        ("PRIORITY without a stream", Peer.frame(.priority, of: [0, 0, 0, 0, 1]), failure(.protocolError)),
        ("PRIORITY too short", Peer.frame(.priority, on: 1, [0]), failure(.frameSize)),
        ("RST_STREAM without a stream", Peer.frame(.reset, of: [0, 0, 0, 8]), failure(.protocolError)),
        (
            "RST_STREAM too short", Peer.headers(1) + Peer.frame(.reset, on: 1, [0]),
            ["head 1 GET / HTTP/1.1 end"] + failure(.frameSize, last: 1)
        ),
        ("SETTINGS of 5 bytes", Peer.frame(.settings, of: [0, 1, 0, 0, 0]), failure(.frameSize)),
        ("an acknowledgement with settings", Peer.frame(.settings, .ack, of: [0, 4, 0, 0, 0, 1]), failure(.frameSize)),
        ("ENABLE_PUSH 2", Peer.settings((2, 2)), failure(.protocolError)),
        ("a window beyond all", Peer.settings((4, 0x8000_0000)), failure(.flowControl)),
        ("frames too small", Peer.settings((5, 16_383)), failure(.protocolError)),
        ("frames too large", Peer.settings((5, 16_777_216)), failure(.protocolError)),
        ("ENABLE_CONNECT_PROTOCOL 2", Peer.settings((8, 2)), failure(.protocolError)),
        ("NO_RFC7540_PRIORITIES 2", Peer.settings((9, 2)), failure(.protocolError)),
        ("an unknown setting", Peer.settings((0xabcd, 7)), ["> settings ack"]),
        ("PRIORITY_UPDATE of no stream", Peer.frame(.priorityUpdate, of: [0, 0, 0, 0]), failure(.protocolError)),
        ("PRIORITY_UPDATE too short", Peer.frame(.priorityUpdate, of: [0, 0, 0]), failure(.frameSize)),
        ("PING of 7 bytes", Peer.frame(.ping, of: Array(repeating: 0, count: 7)), failure(.frameSize)),
        ("GOAWAY of 7 bytes", Peer.frame(.goAway, of: Array(repeating: 0, count: 7)), failure(.frameSize)),
        ("WINDOW_UPDATE of 3 bytes", Peer.frame(.windowUpdate, of: [0, 0, 1]), failure(.frameSize)),
        ("the connection's window by nothing", Peer.window(0, 0), failure(.protocolError)),
        ("the connection's window by too much", Peer.window(0, 0x7fff_ffff), failure(.flowControl)),
        (
            "a frame of 16385 bytes", Peer.frame(FrameKind(rawValue: 0x42), of: Array(repeating: 0, count: 16_385)),
            failure(.frameSize)
        ),
        (
            "a frame within a head",
            Peer.headers(1, Peer.get, []) + Peer.frame(.ping, of: Array(repeating: 0, count: 8)),
            failure(.protocolError)
        ),
        (
            "another stream's piece", Peer.headers(1, Peer.get, []) + Peer.frame(.continuation, .endHeaders, on: 3),
            failure(.protocolError)
        ),
        (
            "an unknown frame within a head", Peer.headers(1, Peer.get, []) + Peer.frame(FrameKind(rawValue: 0x42)),
            failure(.protocolError)
        ),
        (
            "more padding than HEADERS", Peer.frame(.headers, [.endHeaders, .padded], on: 1, [2, 0x82]),
            failure(.protocolError)
        ),
        ("padded HEADERS without bytes", Peer.frame(.headers, [.endHeaders, .padded], on: 1), failure(.frameSize)),
        (
            "HEADERS too short for a priority", Peer.frame(.headers, [.endHeaders, .priority], on: 1, [0, 0, 0, 0]),
            failure(.frameSize)
        ),
        (
            "a stream that depends on itself",
            Peer.frame(.headers, [.endHeaders, .priority], on: 1, [0, 0, 0, 1, 0] + Peer.get), failure(.protocolError)
        ),
        ("no block", Peer.headers(1, [0x80]), failure(.compression)),
        ("a block that is cut", Peer.headers(1, [0x82, 0x41, 0x05]), failure(.compression)),
        (
            "more padding than DATA", Peer.headers(1, Peer.post, .endHeaders) + Peer.frame(.data, .padded, on: 1, [1]),
            ["head 1 POST / HTTP/1.1"] + failure(.protocolError, last: 1)
        ),
        (
            "padded DATA without bytes", Peer.headers(1, Peer.post, .endHeaders) + Peer.frame(.data, .padded, on: 1),
            ["head 1 POST / HTTP/1.1"] + failure(.frameSize, last: 1)
        ),
        (
            "a stream below one that is open", Peer.headers(5) + Peer.headers(3),
            ["head 5 GET / HTTP/1.1 end"] + failure(.protocolError, last: 5)
        ),
    ]

    @Test(arguments: malformed)
    func whatIsNoFrameIsAnError(_ name: String, _ bytes: [UInt8], _ expected: [String]) {
        let peer = Peer.begun()
        #expect(peer.take(bytes) == expected, "\(name)")
    }

    // MARK: - Windows

    @Test func whatIsReadIsGrantedAnew() {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        for _ in 0..<3 { #expect(peer.take(Peer.data(1, 16_384)) == ["data 1 16384"]) }
        // 16,383 are left.
        #expect(peer.take(Peer.data(1, 16_384)) == ["fault 1 FLOW_CONTROL_ERROR", "> reset 1 FLOW_CONTROL_ERROR"])
        _ = peer.take(Peer.headers(3, Peer.post, .endHeaders))
        _ = peer.take(Peer.data(3, 16_384) + Peer.data(3, 16_384))
        #expect(peer.consumed(3, 16_384) == [])
        #expect(peer.consumed(3, 16_384) == ["> window 3 32768"])
        // One that is to send no more is granted no more.
        _ = peer.take(Peer.data(3, 16_384) + Peer.data(3, 16_384, ends: true))
        #expect(peer.consumed(3, 32_768) == [])
    }

    /// Bytes that nobody reads, padding among them, do not use the connection's window up.
    @Test func whatIsNobodysIsGrantedAnew() {
        let peer = Peer.begun()
        var granted: Int64 = 0
        for stream in stride(from: UInt32(1), to: 401, by: 2) {
            let padded = Peer.frame(.data, .padded, on: stream, [255] + Array(repeating: 0, count: 260))
            var said = peer.take(Peer.headers(stream, Peer.post, .endHeaders) + padded)
            said += peer.consumed(stream, 5) + peer.release(stream)
            said += peer.take(Peer.data(stream, 16_384))
            for words in said where words.hasPrefix("> window 0 ") { granted += Int64(words.split(separator: " ")[3])! }
            #expect(!said.contains { $0.hasPrefix("failed") })
        }
        // All but less than half of a window.
        #expect(granted > 200 * (16_384 + 261) - 600_000)
    }

    @Test func theConnectionsWindowIsKept() {
        var limits = HTTP2Session.Limits()
        limits.connectionWindow = 65_535
        limits.streamWindow = 100_000
        let peer = Peer.begun(.server, limits)
        _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        for _ in 0..<3 { _ = peer.take(Peer.data(1, 16_384)) }
        #expect(peer.take(Peer.data(1, 16_384)) == Self.failure(.flowControl, last: 1))
    }

    @Test func windowsForSendingAreKept() {
        let peer = Peer.begun()
        _ = peer.take(Peer.settings((4, 10)) + Peer.headers(1) + Peer.headers(3))
        #expect(peer.allowance(1) == 10)
        peer.sentData(1, 10)
        #expect(peer.allowance(1) == 0 && peer.allowance(3) == 10)
        // One byte more opens it; a smaller window than what is under way shuts it.
        #expect(peer.take(Peer.window(1, 1)) == ["window 1"])
        #expect(peer.allowance(1) == 1)
        #expect(peer.take(Peer.settings((4, 2))) == ["> settings ack"])
        #expect(peer.allowance(1) == 0 && peer.allowance(3) == 2)
        #expect(peer.take(Peer.window(1, 7)) == [])
        #expect(peer.take(Peer.window(1, 1)) == ["window 1"])
        #expect(peer.allowance(1) == 1)
        #expect(peer.take(Peer.settings((4, 0x7fff_ffff))) == ["window all", "> settings ack"])
        // The connection's own, and the largest frame.
        #expect(peer.allowance(3) == 16_384)
        peer.sentData(3, 65_525, endsStream: true)
        #expect(peer.allowance(1) == 0)
        #expect(peer.take(Peer.window(0, 5)) == ["window all"])
        #expect(peer.allowance(1) == 5)
        // A change of the settings can widen a window beyond all.
        let other = Peer.begun()
        _ = other.take(Peer.settings((4, 0)) + Peer.headers(1) + Peer.window(1, 0x7fff_ffff))
        #expect(other.take(Peer.settings((4, 1))) == Self.failure(.flowControl, last: 1))
    }

    // MARK: - Bodies

    static let bodies: [(Int64, [Int], Bool)] = [
        (5, [5], true), (5, [2, 3], true), (5, [6], false), (5, [2, 4], false), (5, [2, 2], false), (0, [0], true),
        (0, [1], false),
    ]

    @Test(arguments: bodies)
    func aBodyIsAsLongAsItsHeadSays(_ expected: Int64, _ pieces: [Int], _ isGood: Bool) {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        #expect(peer.expect(1, expected))
        var said: [String] = []
        for (index, count) in pieces.enumerated() {
            said += peer.take(Peer.data(1, count, ends: index == pieces.count - 1))
        }
        #expect(said.contains("fault 1 PROTOCOL_ERROR") == !isGood)
    }

    @Test func trailersEndABodyThatIsWhole() {
        let peer = Peer.begun()
        let trailers = Peer.headers(1, [0x00, 0x01, 0x78, 0x01, 0x79])
        _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        #expect(peer.expect(1, 3))
        #expect(
            peer.take(Peer.data(1, 2) + trailers) == ["data 1 2", "fault 1 PROTOCOL_ERROR", "> reset 1 PROTOCOL_ERROR"])
        _ = peer.take(Peer.headers(3))
        #expect(!peer.expect(3, 3))
    }

    // MARK: - Streams

    @Test func thereAreSoManyStreamsAtATime() {
        var limits = HTTP2Session.Limits()
        limits.streams = 2
        let peer = HTTP2Peer(.server, limits)
        _ = peer.write { $0.begin(&$1) }
        _ = peer.take(Peer.preface + Peer.settings())
        #expect(peer.take(Peer.headers(1) + Peer.headers(3)).count == 2)
        // Before the peer has heard of it, and after.
        #expect(peer.take(Peer.headers(5)) == ["> reset 5 REFUSED_STREAM"])
        #expect(peer.take(Peer.settingsAck + Peer.headers(7)) == ["> reset 7 REFUSED_STREAM"])
        // A stream that was reset is one as long as somebody works for it.
        #expect(peer.take(Peer.reset(1) + Peer.headers(9)) == ["reset 1 CANCEL", "> reset 9 REFUSED_STREAM"])
        #expect(peer.release(1) == [])
        #expect(peer.take(Peer.headers(11)) == ["head 11 GET / HTTP/1.1 end"])
        // The table of fields went on with those that were refused.
        let remembered: [UInt8] = Peer.get + [0x40, 0x01, 0x78, 0x01, 0x79]
        #expect(peer.take(Peer.headers(13, remembered)) == ["> reset 13 REFUSED_STREAM"])
        _ = peer.release(11)
        #expect(peer.take(Peer.headers(15, Peer.get + [0xbf])) == ["head 15 GET / HTTP/1.1 end"])
    }

    @Test func aStreamThatIsAnsweredEarlyIsEndedWithoutAnError() {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        peer.sentHead(1)
        #expect(peer.release(1) == ["> reset 1 NO_ERROR"])
        _ = peer.take(Peer.headers(3))
        #expect(peer.release(3, .internalError) == ["> reset 3 INTERNAL_ERROR"])
        _ = peer.take(Peer.headers(5))
        peer.sentHead(5)
        #expect(peer.release(5) == [])
        #expect(peer.isIdle)
    }

    @Test func whoGoesTakesWhatIsOnItsWay() {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1))
        #expect(peer.write { $0.announceEnd(&$1) } == ["> goaway 2147483647 NO_ERROR"])
        #expect(peer.take(Peer.headers(3)) == ["head 3 GET / HTTP/1.1 end"])
        #expect(peer.write { $0.goAway(.none, &$1) } == ["> goaway 3 NO_ERROR"])
        // What comes later is not answered, and changes nothing but the table of fields.
        #expect(peer.take(Peer.headers(5, Peer.post, .endHeaders) + Peer.data(5, 10)) == [])
        #expect(peer.streamCount == 2)
        #expect(peer.take(Peer.reset(1)) == ["reset 1 CANCEL"])
    }

    // MARK: - Streams that are let go of

    /// In the middle of a frame, by whoever worked for it: the rest is nobody's, and the connection goes on.
    @Test func theRestOfAFrameIsNobodysWhenItsStreamIsReleased() {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        let data = Peer.data(1, 10)
        #expect(peer.take(Array(data.prefix(12))) == ["data 1 3"])
        let stream = peer.stream(1)!
        #expect(peer.release(1) == ["> reset 1 CANCEL"])
        #expect(peer.take(Array(data.dropFirst(12))) == [])
        // What it may still be told of is nobody's either.
        #expect(peer.write { $0.consumed(stream, 3, &$1) } == [])
        #expect(peer.take(Peer.headers(3)) == ["head 3 GET / HTTP/1.1 end"])
    }

    @Test func anotherStreamInItsSlotGetsNoneOfIt() {
        let peer = Peer.begun(.client)
        let (first, other) = (peer.open()!, peer.open()!)
        #expect(other.slot != first.slot)
        _ = peer.take(Peer.headers(1, Peer.ok, .endHeaders))
        peer.session.tookFinalHead(first)
        let data = Peer.data(1, 10, ends: true)
        _ = peer.take(Array(data.prefix(12)))
        _ = peer.release(1)
        let next = peer.open()!
        #expect(next.slot == first.slot && next.id == 5)
        #expect(peer.take(Array(data.dropFirst(12))) == [])
        #expect(peer.take(Peer.headers(5, Peer.ok, .endHeaders)) == ["head 5 HTTP/1.1 200 "])
    }

    /// Bytes that were given out and never passed on weigh on the connection no more.
    @Test func whatNobodyPassesOnIsGrantedAnew() {
        let peer = Peer.begun()
        for count in 0..<200 {
            let stream = UInt32(2 * count + 1)
            let said = peer.take(Peer.headers(stream, Peer.post, .endHeaders) + Peer.data(stream, 16_000))
            #expect(said == ["head \(stream) POST / HTTP/1.1", "data \(stream) 16000"])
            _ = peer.release(stream)
        }
    }

    @Test func aStreamIsResetOnce() {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1, Peer.post, .endHeaders))
        let stream = peer.stream(1)!
        #expect(peer.write { try? $0.refuse(stream, .protocolError, &$1) } == ["> reset 1 PROTOCOL_ERROR"])
        #expect(peer.release(1, .protocolError) == [])
        _ = peer.take(Peer.headers(3, Peer.post, .endHeaders))
        #expect(peer.take(Peer.frame(.priority, on: 3, [0])).count == 2)
        #expect(peer.take(Peer.frame(.priority, on: 3, [0])) == [])
    }

    @Test func trailersOfWhatWasNeverTakenAreNotAnswered() {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1))
        _ = peer.write { $0.goAway(.none, &$1) }
        let trailers = Peer.headers(3, [0x00, 0x01, 0x78, 0x01, 0x79])
        #expect(peer.take(Peer.headers(3, Peer.post, .endHeaders) + Peer.data(3, 5) + trailers) == [])
    }

    /// A table that was made smaller and larger again in one frame is an empty one (RFC 7541 section 4.2).
    @Test func theSmallestTableCounts() {
        let peer = Peer.begun()
        _ = peer.take(Peer.settings((1, 0), (1, 4_096)))
        let mustShrink = peer.session.mustShrinkTable
        #expect(mustShrink && peer.settings.tableBytes == 4_096)
    }

    /// Until it has heard of a smaller window, a peer may use the usual one (RFC 9113 section 6.9.2).
    @Test func aWindowHoldsFromItsAcknowledgement() {
        var limits = HTTP2Session.Limits()
        limits.streamWindow = 1_000
        let peer = HTTP2Peer(.server, limits)
        _ = peer.write { $0.begin(&$1) }
        _ = peer.take(Peer.preface + Peer.settings() + Peer.headers(1, Peer.post, .endHeaders))
        #expect(peer.take(Peer.data(1, 16_384)) == ["data 1 16384"])
        _ = peer.take(Peer.settingsAck + Peer.headers(3, Peer.post, .endHeaders))
        #expect(peer.take(Peer.data(1, 1)) == ["fault 1 FLOW_CONTROL_ERROR", "> reset 1 FLOW_CONTROL_ERROR"])
        #expect(peer.take(Peer.data(3, 1_000) + Peer.data(3, 1)).contains("fault 3 FLOW_CONTROL_ERROR"))
    }

    // MARK: - As a client

    @Test func aClientOpensStreams() {
        let peer = Peer.begun(.client)
        _ = peer.take(Peer.settings((3, 2)))
        let (first, second) = (peer.open(), peer.open())
        #expect(first?.id == 1 && second?.id == 3 && peer.open() == nil)
        // An interim response, the final one, its body, its trailers.
        #expect(peer.take(Peer.headers(1, [0x08, 0x03] + Array("103".utf8), .endHeaders)) == ["head 1 HTTP/1.1 103 "])
        #expect(peer.take(Peer.headers(1, Peer.ok, .endHeaders)) == ["head 1 HTTP/1.1 200 "])
        peer.session.tookFinalHead(first!)
        #expect(peer.take(Peer.data(1, 3)) == ["data 1 3"])
        #expect(peer.take(Peer.headers(1, [0x00, 0x01, 0x78, 0x01, 0x79])) == ["trailers 1 x: y end"])
        // A body before its head; a stream that nobody has opened; a push.
        #expect(peer.take(Peer.data(3, 3)) == ["fault 3 PROTOCOL_ERROR", "> reset 3 PROTOCOL_ERROR"])
        #expect(peer.take(Peer.headers(9, Peer.ok)).contains("failed PROTOCOL_ERROR"))
        let pushed = Peer.begun(.client)
        _ = pushed.open()
        #expect(
            pushed.take(Peer.frame(.pushPromise, .endHeaders, on: 1, [0, 0, 0, 2])).contains("failed PROTOCOL_ERROR"))
        let failing = Peer.begun(.client)
        _ = failing.open()
        #expect(
            failing.take(Peer.frame(.ping, on: 1, Array(repeating: 0, count: 8))).last == "> goaway 0 PROTOCOL_ERROR")
        let going = Peer.begun(.client)
        let (early, late) = (going.open()!, going.open()!)
        #expect(going.take(Peer.frame(.goAway, of: [0, 0, 0, 1, 0, 0, 0, 0])) == ["goaway 1 NO_ERROR"])
        // None is opened any more; what it has not seen may be asked again.
        #expect(going.open() == nil)
        let (seen, missed) = (!going.session.wasNotSeen(early), going.session.wasNotSeen(late))
        #expect(seen && missed)
        #expect(going.take(Peer.frame(.goAway, of: [0, 0, 0, 3, 0, 0, 0, 0])).contains("failed PROTOCOL_ERROR"))
        let allowing = Peer.begun(.client)
        #expect(allowing.take(Peer.settings((2, 1))).contains("failed PROTOCOL_ERROR"))
    }

    // MARK: - Floods

    /// Each of the known ones, up to 100,000 frames: where it ends, and by what.
    static let floods: [(FloodGauge.Flood, [UInt8], @Sendable (UInt32) -> [UInt8], ClosedRange<Int>)] = [
        (.resets, [], { Peer.headers(2 * $0 + 1) + Peer.reset(2 * $0 + 1) }, 499...501),
        (.faults, [], { Peer.headers(2 * $0 + 1) + Peer.window(2 * $0 + 1, 0) }, 1_024...1_025),
        (.refusals, [], { Peer.headers(2 * $0 + 1, [0x82]) }, 10_000...11_200),
        (.answers, [], { _ in Peer.frame(.ping, of: Array(repeating: 0, count: 8)) }, 999...1_001),
        (.answers, [], { _ in Peer.settings((4, 1)) }, 999...1_001),
        (.empty, Peer.headers(1, Peer.post, .endHeaders), { _ in Peer.data(1, 0) }, 100...101),
        (.priorities, [], { _ in Peer.frame(.priority, on: 1, [0, 0, 0, 0, 1]) }, 100...101),
        (.priorities, [], { _ in Peer.frame(.priorityUpdate, of: [0, 0, 0, 1]) }, 100...101),
        (.windows, Peer.headers(1), { _ in Peer.window(1, 1) }, 1_000...1_020),
        (.windows, [], { _ in Peer.window(0, 1) }, 1_000...1_001),
        (
            .overhead, [], { _ in Peer.frame(FrameKind(rawValue: 0x42), of: Array(repeating: 0, count: 1_000)) },
            8_000...8_500
        ),
        (.continuations, Peer.headers(1, [], []), { _ in Peer.frame(.continuation, on: 1, [0x40]) }, 3...4),
        (.continuations, Peer.headers(1, [], []), { _ in Peer.frame(.continuation, on: 1) }, 3...4),
        (
            .continuations, Peer.headers(1, [], []),
            { _ in Peer.frame(.continuation, on: 1, Array(repeating: 0x40, count: 16_000)) }, 3...5
        ),
    ]

    @Test(arguments: floods.indices)
    func aFloodEndsTheConnection(_ index: Int) {
        let (flood, beginning, frame, ends) = Self.floods[index]
        // The peer takes what it is told, but for that of which it is the flood.
        let reads = flood == .refusals || flood == .faults
        let peer = Peer.begun()
        _ = peer.take(beginning)
        for count in 0..<1_000_000 {
            let said = peer.take(frame(UInt32(count)))
            if reads { peer.session.answersWereTaken() }
            // Whoever worked for it lets go at once, which is what a flood wants.
            for stream in said.compactMap({ Self.stream(of: $0) }) { _ = peer.release(stream) }
            guard let failed = said.first(where: { $0.hasPrefix("failed") }) else { continue }
            #expect(failed == "failed ENHANCE_YOUR_CALM by \(flood)")
            #expect(ends.contains(count), "after \(count)")
            return
        }
        Issue.record("\(flood) never ended")
    }

    /// The stream of an event by which it was reset.
    private static func stream(of words: String) -> UInt32? {
        guard words.hasPrefix("reset") || words.hasPrefix("fault") else { return nil }
        return UInt32(words.split(separator: " ")[1])
    }

    /// Clients of good will: many requests, some of them given up, windows and pings as they are usual.
    @Test func whoMeansWellIsNeverCut() {
        let peer = Peer.begun()
        for count in 0..<20_000 {
            let stream = UInt32(2 * count + 1)
            var said = peer.take(
                Peer.headers(stream, Peer.post, .endHeaders) + Peer.data(stream, 100) + Peer.data(stream, 0, ends: true)
            )
            if count % 3 == 0 { said += peer.take(Peer.reset(stream)) }
            said += peer.take(Peer.window(0, 100) + Peer.window(stream, 100))
            if count % 50 == 0 {
                said += peer.take(Peer.frame(.ping, of: Array(repeating: 0, count: 8)) + Peer.settings())
                peer.session.answersWereTaken()
            }
            _ = peer.consumed(stream, 100) + peer.release(stream)
            #expect(!said.contains { $0.hasPrefix("failed") })
        }
    }

    /// Resets that the peer does not read do not pile up, whether it has heard of the bound of streams or not.
    @Test(arguments: [true, false]) func resetsThatAreNotReadDoNotPileUp(hasHeard: Bool) {
        let peer = HTTP2Peer()
        _ = peer.write { $0.begin(&$1) }
        _ = peer.take(Peer.preface + Peer.settings() + (hasHeard ? Peer.settingsAck : []))
        peer.session.answersWereTaken()
        var resets = 0
        for count in 0..<10_000 {
            let said = peer.take(Peer.headers(UInt32(2 * count + 1), [0x82]))
            resets += said.count { $0.hasPrefix("> reset") }
            if said.contains(where: { $0.hasPrefix("failed") }) { break }
        }
        #expect(resets == 1_001)
    }

    /// Whoever downloads says little but that it has room: what is sent counts as well.
    @Test(arguments: [16_384, 100]) func aDownloadIsNoFlood(count: Int) {
        let peer = Peer.begun()
        _ = peer.take(Peer.headers(1))
        for _ in 0..<50_000 {
            peer.sentData(1, count)
            let said = peer.take(
                Peer.frame(.ping, of: Array(repeating: 0, count: 8)) + Peer.window(0, UInt32(count))
                    + Peer.window(1, UInt32(count)))
            peer.session.answersWereTaken()
            guard !said.contains(where: { $0.hasPrefix("failed") }) else {
                Issue.record("\(said)")
                return
            }
        }
    }

    /// Who cancels requests whose work goes on is refused, and not cut.
    @Test func refusalsOfWhoCancelsAreNoFaults() {
        let peer = Peer.begun()
        var stream: UInt32 = 1
        for _ in 0..<100 {
            _ = peer.take(Peer.headers(stream))
            stream += 2
        }
        peer.now += 5_000
        for id in stride(from: UInt32(1), to: stream, by: 2) { _ = peer.take(Peer.reset(id)) }
        for _ in 0..<2_000 {
            #expect(peer.take(Peer.headers(stream)) == ["> reset \(stream) REFUSED_STREAM"])
            peer.session.answersWereTaken()
            stream += 2
        }
    }

    /// Streams that are reset after a while are no flood: a user goes to another page.
    @Test func lateResetsAreNoFlood() {
        let peer = Peer.begun()
        for count in 0..<5_000 {
            let stream = UInt32(2 * count + 1)
            _ = peer.take(Peer.headers(stream))
            peer.now &+= 1_500
            #expect(peer.take(Peer.reset(stream)) == ["reset \(stream) CANCEL"])
            _ = peer.release(stream)
        }
    }

    // MARK: - Whatever comes

    /// Random frames, and frames that are nearly good, at random cuts: nothing traps, and slots come back.
    @Test func nothingThatComesIsTooMuch() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let peer = Peer.begun(Bool.random(using: &generator) ? .server : .client)
            if peer.session.role == .client { for _ in 0..<3 { _ = peer.open() } }
            var bytes: [UInt8] = []
            for _ in 0..<40 {
                let stream = UInt32.random(in: 0...9, using: &generator)
                let kind = UInt8.random(in: 0...10, using: &generator)
                let flags = FrameFlags(rawValue: [0, 1, 4, 5, 8, 0x20, 0x2d, 0xff].randomElement(using: &generator)!)
                let payload: [UInt8] =
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: Peer.get
                    case 1: Peer.bytes(UInt32.random(in: 0...100_000, using: &generator))
                    case 2:
                        (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                            UInt8.random(in: 0...255, using: &generator)
                        }
                    default: [UInt8](repeating: 0, count: 8)
                    }
                bytes += Peer.frame(FrameKind(rawValue: kind), flags, on: stream, payload)
            }
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...200, using: &generator))
                let said = peer.take(Array(bytes[start..<end]))
                if said.contains(where: { $0.hasPrefix("failed") }) { break }
                for stream in said.compactMap({ Self.stream(of: $0) }) { _ = peer.release(stream) }
                start = end
            }
            for stream in UInt32(0)...9 { _ = peer.release(stream) }
            #expect(peer.streamCount == 0)
        }
    }
}
