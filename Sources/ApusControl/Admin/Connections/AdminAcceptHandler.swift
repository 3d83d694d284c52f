import Glibc
import NIOCore

/// Keeps the admin server accepting when the process has no descriptors left.
///
/// It holds a few descriptors back. When accepting fails for want of one, it gives them up, and closes connections that do
/// nothing; where that does not help, it stops accepting for a moment, since the system would report the waiting
/// connection again and again.
final class AdminAcceptHandler: ChannelInboundHandler {
    typealias InboundIn = Any
    typealias InboundOut = Any

    private let connections: AdminConnections
    private var reserve: [CInt] = []
    private var isPaused = false
    private var isRefilling = false
    static let reserved = 4
    private static let pause = TimeAmount.milliseconds(100)

    init(_ connections: AdminConnections) { self.connections = connections }

    func handlerAdded(context: ChannelHandlerContext) {
        refill()
    }

    func handlerRemoved(context: ChannelHandlerContext) { release() }

    func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(failure.errnoCode) else {
            return context.fireErrorCaught(error)
        }
        // Not passed on: for the server it would be the end of accepting.
        connections.makeWay(Self.reserved)
        guard reserve.isEmpty else {
            release()
            return refillLater(context)
        }
        guard !isPaused else { return }
        isPaused = true
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) { [self] in
            isPaused = false
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }

    /// Takes back what was given up, as soon as there are descriptors again.
    private func refillLater(_ context: ChannelHandlerContext) {
        // Whatever happens meanwhile, one timer is enough.
        guard !isRefilling else { return }
        isRefilling = true
        context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { [self] in
            isRefilling = false
            guard context.channel.isActive else { return }
            refill()
            if reserve.count < Self.reserved { refillLater(context) }
        }
    }

    private func refill() {
        while reserve.count < Self.reserved {
            // SAFETY: the call reads a string that lives until it returns.
            let descriptor = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return }
            reserve.append(descriptor)
        }
    }

    private func release() {
        for descriptor in reserve { _ = Glibc.close(descriptor) }
        reserve = []
    }
}
