import ApusBalancing
import ApusModel
import NIOCore
import NIOHTTP1

/// Sends the request of an HTTP probe once connected, and judges the response: its status as soon as its head is there;
/// its body, where that matters, as soon as the text was found, or after 64 KiB, or at its end.
final class HTTPProbeExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// How much of a body is looked at.
    static let bodyLimit = 64 << 10

    private let probe: HTTPProbe
    private let address: ApusModel.SocketAddress
    private let verdict: EventLoopPromise<CheckFailure?>
    private var search: TextSearch?

    /// - Parameter address: what is connected to, and named by Host unless the probe says otherwise.
    init(_ probe: HTTPProbe, address: ApusModel.SocketAddress, verdict: EventLoopPromise<CheckFailure?>) {
        self.probe = probe
        self.address = address
        self.verdict = verdict
        search = probe.bodyContains.map { TextSearch($0, limit: Self.bodyLimit) }
    }

    private var request: HTTPRequestHead {
        let method = HTTPMethod(rawValue: probe.method)
        var headers: HTTPHeaders = [
            "Host": probe.host ?? "\(address)", "User-Agent": "apus-health/\(Version.current)", "Connection": "close",
        ]
        // Methods that come with a body come with an empty one, which is to be said (RFC 9110 section 8.6).
        if [.POST, .PUT, .PATCH].contains(method) { headers.add(name: "Content-Length", value: "0") }
        for header in probe.headers { headers.replaceOrAdd(name: header.name, value: header.value) }
        return HTTPRequestHead(version: .http1_1, method: method, uri: probe.path, headers: headers)
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let response):
            let status = Int(response.status.code)
            if !probe.statuses.contains(where: { $0.contains(status) }) {
                verdict.succeed(.status(status, expected: probe.statuses))
            } else if search == nil {
                verdict.succeed(nil)
            }
        case .body(let bytes):
            search?.look(at: bytes.readableBytesView)
            if search?.isFound == true { verdict.succeed(nil) }
            if search?.isOver == true { fail() }
        case .end:
            if search?.isFound == true { verdict.succeed(nil) } else { fail() }
        }
    }

    /// The text was not found.
    private func fail() {
        verdict.succeed(.bodyLacks(probe.bodyContains ?? ""))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case let error as IOError: verdict.succeed(CheckFailure(errno: error.errnoCode))
        case HTTPParserError.invalidEOFState: verdict.succeed(.connectionClosed)
        case is HTTPParserError: verdict.succeed(.malformedResponse)
        default: verdict.succeed(.connectionClosed)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        verdict.succeed(.connectionClosed)
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
