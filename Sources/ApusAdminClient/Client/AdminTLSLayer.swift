import ApusModel
import ApusTLS
import NIOCore

/// TLS between a connection and the request that is sent over it.
///
/// Handlers behind it see the channel become active once the handshake is done.
final class AdminTLSLayer: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let conversation: TLSConversation
    /// SHA-256 of the one certificate that is believed; nil where that was seen to in the handshake.
    private let pin: [UInt8]?
    private var isOpen = false
    private var hasEnded = false

    init(_ conversation: TLSConversation, only pin: [UInt8]?) {
        self.conversation = conversation
        self.pin = pin
    }

    func channelActive(context: ChannelHandlerContext) { flush(context, nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let opened = conversation.take(Array(unwrapInboundIn(data).readableBytesView))
        flush(context, nil)
        switch conversation.state {
        case .failed(let fault):
            context.fireErrorCaught(BrokenHandshake(fault: fault))
            return context.close(promise: nil)
        case .shaking: return
        case .open, .ended: break
        }
        if !isOpen {
            // No request was sent until now.
            if let pin, conversation.peerFingerprint != pin {
                hasEnded = true
                context.fireErrorCaught(BrokenHandshake(fault: .certificate(.unknownIssuer), isAnother: true))
                return context.close(promise: nil)
            }
            isOpen = true
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
        if !hasEnded {
            // The end of the connection is not that of what was said.
            let error: any Error =
                isOpen ? BrokenAnswer(description: "the connection was cut") : BrokenHandshake(fault: .left)
            context.fireErrorCaught(error)
        }
        end(context)
    }

    private func end(_ context: ChannelHandlerContext) {
        guard !hasEnded else { return }
        hasEnded = true
        context.fireChannelInactive()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input, isOpen, !hasEnded {
            conversation.finish()
            flush(context, nil)
        }
        context.close(mode: mode, promise: promise)
    }
}

/// The TLS handshake with the server has failed.
struct BrokenHandshake: Error {
    var fault: HandshakeFault
    /// It has shown another certificate than the one that is believed.
    var isAnother = false
}
