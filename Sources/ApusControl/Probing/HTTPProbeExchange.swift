import ApusAddresses
import ApusBalancing
import ApusHTTP
import ApusModel
import NIOCore
import NIOHTTP1

/// Sends the request of an HTTP probe once connected, and judges the response: its status as soon as its head is there;
/// its body, where that matters, as soon as the text was found, or after 64 KiB, or at its end.
///
/// The response is read by the data plane's parser: an endpoint whose responses that would refuse is not healthy.
final class HTTPProbeExchange: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How much of a body is looked at.
    static let bodyLimit = 64 << 10

    private let probe: HTTPProbe
    private let address: ApusAddresses.SocketAddress
    private let limits: HeadLimits
    private let verdict: EventLoopPromise<CheckFailure?>
    private var search: TextSearch?
    private var fields = FieldTable()
    /// What has come and is not used up: a part of a head or of a trailer section.
    private var rest: [UInt8] = []
    /// The body, once the final head has come.
    private var body: ProbeBody?
    private var isOver = false

    /// - Parameters:
    ///   - address: what is connected to, and named by Host unless the probe says otherwise.
    ///   - limits: those of responses.
    init(
        _ probe: HTTPProbe, address: ApusAddresses.SocketAddress, limits: HeadLimits,
        verdict: EventLoopPromise<CheckFailure?>
    ) {
        self.probe = probe
        self.address = address
        self.limits = limits
        self.verdict = verdict
        search = probe.bodyContains.map { TextSearch($0, limit: Self.bodyLimit) }
    }

    private var request: String {
        var headers: HTTPHeaders = [
            "Host": probe.host ?? "\(address)", "User-Agent": "apus-health/\(Version.current)", "Connection": "close",
        ]
        // Methods that come with a body come with an empty one, which is to be said (RFC 9110 section 8.6).
        if ["POST", "PUT", "PATCH"].contains(probe.method) { headers.add(name: "Content-Length", value: "0") }
        for header in probe.headers { headers.replaceOrAdd(name: header.name, value: header.value) }
        let lines = headers.map { "\($0.name): \($0.value)\r\n" }.joined()
        return "\(probe.method) \(probe.path) HTTP/1.1\r\n\(lines)\r\n"
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        rest += unwrapInboundIn(data).readableBytesView
        do throws(Reason) {
            try readHeads()
            try readBody()
        } catch {
            end(error == .badResponse ? .malformedResponse : .refusedResponse("\(error.token)"))
        }
    }

    /// Reads interim heads and the final one, and judges its status.
    private func readHeads() throws(Reason) {
        while body == nil, !isOver {
            guard let head = try parseHead() else { return }
            rest.removeFirst(head.end)
            if head.status == 101 { throw .unexpectedUpgrade }
            if head.isInterim { continue }
            guard probe.statuses.contains(where: { $0.contains(head.status) }) else {
                return end(.status(head.status, expected: probe.statuses))
            }
            guard search != nil else { return end(nil) }
            body = ProbeBody(head.framing)
        }
    }

    private func parseHead() throws(Reason) -> ResponseHead? {
        guard !rest.isEmpty else { return nil }
        let method: Method = probe.method == "HEAD" ? .head : .get
        var bytes = rest
        do throws(Reason) {
            return try ResponseHead.parse(bytes.span, method: method, limits: limits, into: &fields)
        } catch {
            guard error.canBeMended else { throw error }
            var span = bytes.mutableSpan
            return try ResponseHead.parse(mending: &span, method: method, limits: limits, into: &fields)
        }
    }

    /// Looks for the text in what has come of the body.
    private func readBody() throws(Reason) {
        let bytes = rest
        var offset = 0
        while !isOver, let event = try body?.next(bytes.span, from: offset, limits, into: &fields) {
            switch event {
            case .data(let range):
                offset = range.upperBound
                search?.look(at: bytes[range])
                if search?.isFound == true { return end(nil) }
                if search?.isOver == true { return end(lack) }
            case .needsMore(let start):
                rest.removeFirst(start)
                return
            case .end: return end(search?.isFound == true ? nil : lack)
            }
        }
    }

    /// The text was not found.
    private var lack: CheckFailure { .bodyLacks(probe.bodyContains ?? "") }

    private func end(_ failure: CheckFailure?) {
        isOver = true
        verdict.succeed(failure)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as IOError: end(CheckFailure(errno: error.errnoCode))
        default: end(.connectionClosed)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(body?.endsWithConnection == true ? lack : .connectionClosed)
    }
}

/// The body of a response to a probe: finds its data, whatever frames it.
private struct ProbeBody {
    enum Event {
        case data(Range<Int>)
        /// Ask again from this offset when more has come.
        case needsMore(from: Int)
        case end
    }

    private var framing: BodyFraming
    private var decoder = ChunkedDecoder(bearsBlanks: true)
    private var isInTrailers = false

    init(_ framing: BodyFraming) { self.framing = framing }

    var endsWithConnection: Bool { framing == .untilClose }

    mutating func next(
        _ bytes: Span<UInt8>, from offset: Int, _ limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> Event {
        switch framing {
        case .none: return .end
        case .length(let left):
            let end = offset + Int(min(left, UInt64(bytes.count - offset)))
            framing = left == UInt64(end - offset) ? .none : .length(left - UInt64(end - offset))
            return end == offset ? .needsMore(from: offset) : .data(offset..<end)
        case .untilClose: return offset < bytes.count ? .data(offset..<bytes.count) : .needsMore(from: offset)
        case .chunked:
            guard isInTrailers else { return try nextOfChunks(bytes, from: offset, limits, into: &fields) }
            let end = try TrailerSection.parse(bytes, from: offset, limits: limits, into: &fields)
            return end == nil ? .needsMore(from: offset) : .end
        }
    }

    private mutating func nextOfChunks(
        _ bytes: Span<UInt8>, from offset: Int, _ limits: HeadLimits, into fields: inout FieldTable
    ) throws(Reason) -> Event {
        switch try decoder.next(bytes, from: offset) {
        case .data(let range): return .data(range)
        case .needsMore: return .needsMore(from: bytes.count)
        case .trailers(let start):
            isInTrailers = true
            return try next(bytes, from: start, limits, into: &fields)
        }
    }
}

/// Looks for a text in bytes that come in pieces, up to a limit; it remembers no more of them than could begin the text.
struct TextSearch {
    private let text: [UInt8]
    /// How many bytes may still come.
    private var left: Int
    /// The end of what came, as long as the text could begin in it.
    private var tail: [UInt8] = []
    private(set) var isFound: Bool

    init(_ text: String, limit: Int) {
        self.text = Array(text.utf8)
        left = limit
        isFound = text.isEmpty
    }

    /// Whether the limit is reached without the text being found.
    var isOver: Bool { left == 0 && !isFound }

    mutating func look(at bytes: some Collection<UInt8>) {
        guard !isFound else { return }
        let looked = bytes.prefix(left)
        left -= looked.count
        tail += looked
        isFound = tail.firstRange(of: text) != nil
        tail.removeFirst(max(0, tail.count - max(0, text.count - 1)))
    }
}
