import NIOCore
import NIOHTTP1

/// Sends one request once connected, and gathers its answer.
final class AdminExchange: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// How long an answer may be: the metrics of tens of thousands of endpoints.
    static let bodyLimit = 256 << 20

    private let head: HTTPRequestHead
    private let requestBody: String
    private let promise: EventLoopPromise<AdminAnswer>
    private var answer = AdminAnswer(status: 0, type: "", body: "")
    private var body = ByteBuffer()

    init(head: HTTPRequestHead, body: String, answer: EventLoopPromise<AdminAnswer>) {
        self.head = head
        requestBody = body
        promise = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !requestBody.isEmpty {
            let bytes = context.channel.allocator.buffer(string: requestBody)
            context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let response):
            answer.status = Int(response.status.code)
            let type = response.headers.first(name: "Content-Type") ?? ""
            answer.type = type.split(separator: ";").first.map { String($0).lowercased() } ?? ""
            answer.entityTag = response.headers.first(name: "ETag")
        case .body(var bytes):
            body.writeBuffer(&bytes)
            if body.readableBytes > Self.bodyLimit { promise.fail(BrokenAnswer(description: "the answer has no end")) }
        case .end:
            answer.body = String(buffer: body)
            promise.succeed(answer)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(
            error is HTTPParserError ? BrokenAnswer(description: "what answered does not speak HTTP/1.1") : error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(BrokenAnswer(description: "the connection was closed before the answer was complete"))
    }
}

/// Why an answer could not be used.
struct BrokenAnswer: Error, CustomStringConvertible {
    var description: String
}
