import ApusBalancing
import NIOCore

/// Sends bytes once connected, and judges whether the answer begins with those that are expected.
///
/// Begins with, and not contains: so the first byte that is wrong decides, instead of the timeout, and what was said
/// instead can be told. With nothing to send it waits for what the other side says first; with nothing expected it
/// passes as soon as all has been sent.
final class TCPProbeExchange: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How much of a wrong answer is kept, to be told.
    private static let told = 64

    private let send: [UInt8]
    private let expect: [UInt8]
    private let verdict: EventLoopPromise<CheckFailure?>
    private var received: [UInt8] = []

    init(send: [UInt8], expect: [UInt8], verdict: EventLoopPromise<CheckFailure?>) {
        self.send = send
        self.expect = expect
        self.verdict = verdict
    }

    func channelActive(context: ChannelHandlerContext) {
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: send)), promise: sent)
        guard expect.isEmpty else { return }
        sent.futureResult.whenSuccess { [verdict] in verdict.succeed(nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data).readableBytesView
        received += bytes.prefix(max(expect.count, Self.told) - received.count)
        let isRight = zip(received, expect).allSatisfy { $0 == $1 }
        if !isRight {
            verdict.succeed(.answer(Array(received.prefix(Self.told)), expected: expect))
        } else if received.count >= expect.count {
            verdict.succeed(nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        verdict.succeed((error as? IOError).map { CheckFailure(errno: $0.errnoCode) } ?? .connectionClosed)
    }

    func channelInactive(context: ChannelHandlerContext) {
        verdict.succeed(received.isEmpty ? .connectionClosed : .answer(received, expected: expect))
    }
}
