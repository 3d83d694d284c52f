import ApusBalancing
import ApusModel
import ApusTLS
import NIOCore

/// TLS between a probe's connection and what it asks: by the same rules as requests to the endpoint.
///
/// What stands behind it in the pipeline is told of a connection when the handshake is over.
final class TLSProbeLayer: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let conversation: TLSConversation
    private let verdict: EventLoopPromise<CheckFailure?>
    /// Whether an open connection is all that is asked.
    private let isAll: Bool
    private var isOpen = false
    private var hasEnded = false

    init(_ conversation: TLSConversation, isAll: Bool, verdict: EventLoopPromise<CheckFailure?>) {
        self.conversation = conversation
        self.isAll = isAll
        self.verdict = verdict
    }

    func channelActive(context: ChannelHandlerContext) { flush(context, nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let opened = conversation.take(Array(unwrapInboundIn(data).readableBytesView))
        flush(context, nil)
        switch conversation.state {
        case .failed(let fault):
            return verdict.succeed(isOpen && !fault.isOfCertificates ? .connectionReset : .handshake(fault))
        case .shaking: return
        case .open, .ended: break
        }
        if !isOpen {
            isOpen = true
            if isAll { return verdict.succeed(nil) }
            context.fireChannelActive()
        }
        if !opened.isEmpty { context.fireChannelRead(wrapInboundOut(context.channel.allocator.buffer(bytes: opened))) }
        if conversation.state == .ended { end(context) }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        conversation.say(Array(unwrapOutboundIn(data).readableBytesView))
        flush(context, promise)
    }

    private func flush(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>?) {
        let sealed = conversation.takeSealed()
        guard !sealed.isEmpty else {
            promise?.succeed()
            return
        }
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: sealed)), promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isOpen { return verdict.succeed(.handshake(.left)) }
        // The end of the connection is not that of what was said.
        if !hasEnded { verdict.succeed(.connectionReset) }
    }

    private func end(_ context: ChannelHandlerContext) {
        guard !hasEnded else { return }
        hasEnded = true
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !isOpen { return verdict.succeed(.handshake(.left)) }
        context.fireErrorCaught(error)
    }
}
