import ApusHTTP
import ApusModel
import ApusTLS
import NIOCore

/// TLS between a caller's connection and `AdminConnectionHandler`, whose time limits hold for the handshake too.
///
/// A caller that speaks plain HTTP is told so in plain HTTP. What else fails ends with an alert.
final class AdminTLSHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Fired up the pipeline: the handshake has failed, and nobody is served.
    struct Refusal: Sendable {
        /// What is answered; nil for nothing.
        var reason: Reason?
    }

    private let conversation: TLSConversation
    private let rules: ListenerTLS
    private let shield: AdminShield
    private var state = State.shaking

    private enum State {
        case shaking
        case open
        /// What comes is thrown away, and what is said is said plainly.
        case failed
    }

    /// The caller has said something.
    private var hasBegun = false
    /// The caller says no more.
    private var hasEnded = false
    /// The caller was told that nothing more is said.
    private var hasFinished = false

    init(_ conversation: TLSConversation, _ rules: ListenerTLS, _ shield: AdminShield) {
        self.conversation = conversation
        self.rules = rules
        self.shield = shield
    }

    var session: AdminSession {
        AdminSession(rules: rules, clientName: conversation.clientNames?.first.map(Self.printable))
    }

    /// A name that a certificate has, as one short word.
    private static func printable(_ name: String) -> String {
        String(
            String.UnicodeScalarView(
                name.unicodeScalars.prefix(200).map { (0x21...0x7e).contains($0.value) ? $0 : "?" }))
    }

    // MARK: - What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard state != .failed else { return }
        hasBegun = true
        let opened = conversation.take(Array(unwrapInboundIn(data).readableBytesView))
        if case .failed(let fault) = conversation.state { return fail(fault, context) }
        send(context)
        guard conversation.state != .shaking else { return }
        if state == .shaking {
            state = .open
            shield.shook()
        }
        if !opened.isEmpty { context.fireChannelRead(wrapInboundOut(context.channel.allocator.buffer(bytes: opened))) }
        guard conversation.state == .ended, !hasEnded else { return }
        hasEnded = true
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// A handshake that was not over when its time was, or its caller left.
    func channelInactive(context: ChannelHandlerContext) {
        if state == .shaking, hasBegun { shield.unfinished() }
        context.fireChannelInactive()
    }

    private func fail(_ fault: HandshakeFault, _ context: ChannelHandlerContext) {
        let wasShaking = state == .shaking
        state = .failed
        // The alert that is meant for a peer with TLS is of no use to one without.
        if fault == .plainHTTP { _ = conversation.takeSealed() }
        send(context)
        // Records that cannot be opened: nothing can be said of it any more.
        guard wasShaking else { return context.close(promise: nil) }
        shield.failed(fault, with: context.remoteAddress)
        context.fireUserInboundEventTriggered(Refusal(reason: fault == .plainHTTP ? .plainHTTPOnTLS : nil))
    }

    // MARK: - What is said

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard state != .failed else { return context.write(data, promise: promise) }
        conversation.say(Array(unwrapOutboundIn(data).readableBytesView))
        let sealed = conversation.takeSealed()
        guard !sealed.isEmpty else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        context.write(wrapOutboundOut(context.channel.allocator.buffer(bytes: sealed)), promise: promise)
    }

    private func send(_ context: ChannelHandlerContext) {
        let sealed = conversation.takeSealed()
        guard !sealed.isEmpty else { return }
        context.writeAndFlush(wrapOutboundOut(context.channel.allocator.buffer(bytes: sealed)), promise: nil)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode != .input, state == .open, !hasFinished {
            hasFinished = true
            conversation.finish()
            send(context)
        }
        context.close(mode: mode, promise: promise)
    }
}
