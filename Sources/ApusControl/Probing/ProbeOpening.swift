import ApusBalancing
import NIOCore

/// Sends what a probe's connection begins with, before TLS and all else.
final class ProbeOpening: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let opening: [UInt8]
    /// Whether nothing else is asked.
    private let isAll: Bool
    private let verdict: EventLoopPromise<CheckFailure?>

    init(_ opening: [UInt8], isAll: Bool, verdict: EventLoopPromise<CheckFailure?>) {
        self.opening = opening
        self.isAll = isAll
        self.verdict = verdict
    }

    func channelActive(context: ChannelHandlerContext) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: opening)), promise: sent)
        if isAll { sent.futureResult.whenComplete { [verdict] _ in verdict.succeed(nil) } }
        context.fireChannelActive()
    }
}
