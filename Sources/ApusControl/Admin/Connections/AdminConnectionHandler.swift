import ApusHTTP
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// One connection of the admin server: reads requests and writes answers, one after the other, within its limits.
///
/// The next request is looked at when the answer before it has been written. A body is read when the request's operation
/// asks for it (`BodyWanted`), which is after the caller's rights have been checked; what is left of one that nobody asks
/// for is thrown away, and the connection closes.
final class AdminConnectionHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = ByteBuffer

    /// Sent down the pipeline: the body may come.
    struct BodyWanted: Sendable {}
    /// Sent down the pipeline: the connection makes way for another one.
    struct MakeWay: Sendable {}

    /// Why a body did not arrive whole.
    enum BodyError: Error {
        case cut, timedOut
        case malformed(Reason)
    }

    enum Phase {
        /// A request head is awaited.
        case head
        /// A request is being carried out.
        case request
        /// The last answer has been written; what still comes is thrown away.
        case closing
    }

    /// The request that is being answered.
    struct Exchange {
        var isHead: Bool
        var isHTTP11: Bool
        var keepsAlive: Bool
        var expectsContinue: Bool
        var isBodyWanted = false
        /// The body has arrived whole, or there is none.
        var isBodyRead: Bool
        /// How the answer's end is told; nil until it begins.
        var answer: AnswerFraming?
        /// All of the answer has been given to the channel.
        var isAnswered = false
    }

    enum AnswerFraming { case withLength, chunked, untilClose, none }

    let connections: AdminConnections
    let id: AdminConnections.ID
    var limits: AdminLimits { connections.limits }

    var parser = AdminRequestParser()
    /// Bytes that have not been parsed.
    var received = ByteBuffer()
    var phase = Phase.head
    var exchange: Exchange?
    /// Bytes of the answer that the client has not taken yet.
    var unwritten = 0
    /// Bytes of a body, or of an answer, since the time limit began.
    var progress = 0
    private var isInputClosed = false
    /// The pipeline asked for bytes that were not wanted then.
    private var isReadOwed = false
    private var isQuiescing = false
    /// The channel has closed.
    private var isGone = false
    /// Waits for the channel to close, which the handler does when the client has had time to read.
    private var closePromise: EventLoopPromise<Void>?
    let clock = ConnectionClock()

    /// - Parameter id: as which `connections` has admitted it.
    init(_ connections: AdminConnections, id: AdminConnections.ID) {
        self.connections = connections
        self.id = id
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { begin(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin(context)
        context.fireChannelActive()
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard !clock.isRunning else { return }
        allow(limits.requestHead, context)
    }

    /// Of a channel that was closed before it was active nothing else is heard.
    func handlerRemoved(context: ChannelHandlerContext) {
        if !isGone { connections.closed(id) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        clock.stop()
        connections.closed(id)
        if phase == .request, exchange?.isBodyRead == false { context.fireErrorCaught(BodyError.cut) }
        phase = .closing
        isGone = true
        closePromise?.succeed()
        closePromise = nil
        context.fireChannelInactive()
    }

    // MARK: - Reading

    /// Whether bytes of the client are of use now.
    private var wantsBytes: Bool {
        switch phase {
        case .head: true
        case .request: exchange?.isBodyWanted == true && exchange?.isBodyRead == false
        case .closing: true
        }
    }

    func read(context: ChannelHandlerContext) {
        if wantsBytes { context.read() } else { isReadOwed = true }
    }

    /// Reads what was asked for in vain before.
    private func readIfOwed(_ context: ChannelHandlerContext) {
        guard isReadOwed, wantsBytes else { return }
        isReadOwed = false
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard phase != .closing else { return }
        if phase == .head, received.readableBytes == 0 {
            allow(limits.requestHead, context)
            connections.changed(id, to: .readingHead)
        }
        received.writeBuffer(&bytes)
        // Of a client that has hung up all is read at once, wanted or not.
        if !wantsBytes, received.readableBytes > 256 << 10 { return context.close(promise: nil) }
        process(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        readIfOwed(context)
        // Those who take requests out of the pipeline may have stopped asking for bytes.
        if phase == .closing, !isGone { context.read() }
    }

    /// Takes out of the received bytes what can be used now.
    func process(_ context: ChannelHandlerContext) {
        defer { received.discardReadBytes() }
        do throws(Reason) {
            while try step(context) {}
        } catch {
            if phase == .head { return refuse(error, context) }
            end(.malformed(error), error, context)
        }
        if isInputClosed, wantsBytes { cut(context) }
    }

    /// Whether there may be more.
    private func step(_ context: ChannelHandlerContext) throws(Reason) -> Bool {
        guard wantsBytes, phase != .closing else { return false }
        switch try parser.next(&received) {
        case .needsMore: return false
        case .head(let head): begin(head, context)
        case .body(let piece): took(piece, context)
        case .end:
            exchange?.isBodyRead = true
            allow(nil, context)
            connections.changed(id, to: .busy)
            context.fireChannelRead(wrapInboundOut(.end(nil)))
            context.fireChannelReadComplete()
        }
        return true
    }

    private func begin(_ head: AdminRequestParser.Head, _ context: ChannelHandlerContext) {
        phase = .request
        exchange = Exchange(
            isHead: head.request.method == .head, isHTTP11: head.isHTTP11, keepsAlive: head.keepsAlive,
            expectsContinue: head.expectsContinue, isBodyRead: !head.hasBody)
        allow(nil, context)
        connections.changed(id, to: .busy)
        context.fireChannelRead(wrapInboundOut(.head(head.request)))
        if !head.hasBody {
            // The parser's end of a body that is not there.
            _ = try? parser.next(&received)
            context.fireChannelRead(wrapInboundOut(.end(nil)))
        }
        context.fireChannelReadComplete()
    }

    private func took(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        progress += piece.readableBytes
        if progress >= limits.progress {
            allow(limits.body, context)
            connections.changed(id, to: .transferring)
        }
        context.fireChannelRead(wrapInboundOut(.body(piece)))
        context.fireChannelReadComplete()
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        switch event {
        case is BodyWanted:
            beginBody(context)
            promise?.succeed()
        case is MakeWay:
            // It may have begun a request since it was chosen.
            guard connections.leaves(id) else {
                promise?.succeed()
                return
            }
            phase = .closing
            context.close(promise: promise)
        default: context.triggerUserOutboundEvent(event, promise: promise)
        }
    }

    private func beginBody(_ context: ChannelHandlerContext) {
        guard phase == .request, let exchange, exchange.answer == nil, !exchange.isBodyWanted else { return }
        self.exchange?.isBodyWanted = true
        guard !exchange.isBodyRead else { return }
        if exchange.expectsContinue, received.readableBytes == 0 {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")), promise: nil)
        }
        allow(limits.body, context)
        connections.changed(id, to: .transferring)
        process(context)
        readIfOwed(context)
    }

    /// Throws away what has arrived of a body that nobody asked for; the rest of it is not waited for.
    func skipBody(_ context: ChannelHandlerContext) {
        guard exchange?.isBodyRead == false else { return }
        while let event = try? parser.next(&received) {
            switch event {
            case .body: continue
            case .end:
                exchange?.isBodyRead = true
                context.fireChannelRead(wrapInboundOut(.end(nil)))
                context.fireChannelReadComplete()
                return
            case .head, .needsMore: return
            }
        }
    }

    // MARK: - The end

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            // Not passed on: a client that sends no more may still wait for its answer (RFC 9112 section 9.6). One that
            // has gone shows when its connection is reset.
            isInputClosed = true
            if phase == .closing { context.close(promise: nil) } else if wantsBytes { cut(context) }
        case let refusal as AdminTLSHandler.Refusal:
            if let reason = refusal.reason { refuse(reason, context) } else { lingers(context) }
        case is ChannelShouldQuiesceEvent:
            isQuiescing = true
            exchange?.keepsAlive = false
            if phase != .request { context.close(promise: nil) }
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    /// Answers a request whose body is at fault. Whoever carries it out may be told of the fault or be cancelled first, and
    /// would then answer something else: what it writes is no longer taken.
    private func end(_ error: BodyError, _ reason: Reason, _ context: ChannelHandlerContext) {
        allow(nil, context)
        if exchange?.answer == nil {
            refuse(reason, context)
        } else {
            exchange?.isBodyWanted = false
            connections.changed(id, to: .busy)
        }
        context.fireErrorCaught(error)
    }

    /// The client sends no more although there should be more.
    private func cut(_ context: ChannelHandlerContext) {
        if phase == .request { context.fireErrorCaught(BodyError.cut) }
        context.close(promise: nil)
    }

    /// The answer has been written.
    func answered(_ context: ChannelHandlerContext) {
        let keepsAlive = exchange?.keepsAlive == true && !isQuiescing
        exchange = nil
        guard keepsAlive else { return lingers(context) }
        phase = .head
        connections.changed(id, to: received.readableBytes > 0 ? .readingHead : .idle)
        allow(received.readableBytes > 0 ? limits.requestHead : limits.idle, context)
        process(context)
        readIfOwed(context)
    }

    /// Tells the client that there is no more, and gives it time to read: a connection that is closed while bytes of the
    /// client have not been read is reset, and the answer with it.
    func lingers(_ context: ChannelHandlerContext) {
        phase = .closing
        received.clear()
        guard !isGone else { return }
        guard !isInputClosed else { return context.close(promise: nil) }
        connections.changed(id, to: .lingering)
        allow(limits.linger, context)
        context.close(mode: .output, promise: nil)
        isReadOwed = false
        context.read()
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard !isGone else { return context.close(mode: mode, promise: promise) }
        switch (mode, phase) {
        case (.output, .closing), (.all, .closing):
            wait(for: promise)
        case (.output, .request), (.all, .request):
            guard exchange?.isAnswered == true else { return context.close(mode: mode, promise: promise) }
            exchange?.keepsAlive = false
            wait(for: promise)
        case (.output, .head):
            wait(for: promise)
            lingers(context)
        default: context.close(mode: mode, promise: promise)
        }
    }

    private func wait(for promise: EventLoopPromise<Void>?) {
        guard let promise else { return }
        if let closePromise { closePromise.futureResult.cascade(to: promise) } else { closePromise = promise }
    }

    // MARK: - Time

    /// Gives the client that long from now; nil for as long as it takes.
    func allow(_ time: TimeAmount?, _ context: ChannelHandlerContext) {
        progress = 0
        clock.set(time.map { .now() + $0 }, context.eventLoop) { [self] in expired(context) }
    }

    private func expired(_ context: ChannelHandlerContext) {
        switch phase {
        case .head where received.readableBytes > 0: refuse(.requestHeadTimeout, context)
        case .request where unwritten == 0 && exchange?.answer == nil:
            end(.timedOut, .requestBodyTimeout, context)
        default:
            phase = .closing
            context.close(promise: nil)
        }
    }
}
