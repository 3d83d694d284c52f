import ApusAddresses
import ApusModel
import NIOCore
import NIOPosix
import Synchronization

/// An origin on a port of its own that treats every connection by one script, and remembers what it was asked.
final class ScriptedOrigin: Sendable {
    enum Script: Sendable {
        /// Answers each request head with these bytes and keeps the connection open.
        case answer(String)
        /// Accepts, reads and never answers.
        case silence
        /// Closes as soon as something was read.
        case close
        /// Answers a request head with these bytes and closes.
        case answerAndClose(String)
        /// Answers a request head with these bytes, each in a packet of its own.
        case answerInPieces(String)
        /// Answers whatever comes with these bytes, and remembers it as a request; no head is waited for.
        case reply(String)
        /// Says this as soon as it is connected to.
        case greet(String)
    }

    /// The answers that tests need most.
    static let ok = Script.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    static let failing = Script.answer("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")

    let address: ApusAddresses.SocketAddress
    private let channel: any Channel
    private let state: SharedState

    /// Every request head so far.
    var requests: [String] { state.value.withLock { $0.requests } }
    /// Connections open now.
    var openConnections: Int { state.value.withLock { $0.open } }
    /// Connections accepted so far.
    var connections: Int { state.value.withLock { $0.accepted } }
    /// How long the last connection was open, as the event loop saw it: a test may get its turn much later.
    var lastConnectionTime: Duration {
        state.value.withLock { .nanoseconds(($0.closedAt - $0.openedAt).nanoseconds) }
    }

    init(_ script: Script) async throws {
        let state = SharedState(script)
        self.state = state
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 4096)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ScriptedConnection(state))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        address = SocketAddress("127.0.0.1:\(channel.localAddress!.port!)")!
    }

    /// What is done with requests from now on.
    func play(_ script: Script) {
        state.value.withLock { $0.script = script }
    }

    func stop() async throws {
        try await channel.close()
    }

    fileprivate final class SharedState: Sendable {
        struct Value {
            var script: Script
            var requests: [String] = []
            var open = 0
            var accepted = 0
            /// When a connection was opened or closed last.
            var openedAt = NIODeadline.now()
            var closedAt = NIODeadline.now()
        }

        let value: Mutex<Value>

        init(_ script: Script) { value = Mutex(Value(script: script)) }
    }
}

private final class ScriptedConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let state: ScriptedOrigin.SharedState
    private var received = ""

    init(_ state: ScriptedOrigin.SharedState) { self.state = state }

    func channelActive(context: ChannelHandlerContext) {
        state.value.withLock {
            $0.open += 1
            $0.openedAt = .now()
            $0.accepted += 1
        }
        guard case .greet(let bytes) = state.value.withLock({ $0.script }) else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: bytes)), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.value.withLock {
            $0.open -= 1
            $0.closedAt = .now()
        }
    }

    /// Writes one byte, and the others a moment later.
    private func write(_ bytes: ArraySlice<UInt8>, _ context: ChannelHandlerContext) {
        guard let first = bytes.first, context.channel.isActive else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: [first])), promise: nil)
        context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(1)) { [self] in
            write(bytes.dropFirst(), context)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        let isReply = state.value.withLock { if case .reply = $0.script { true } else { false } }
        guard isReply || received.hasSuffix("\r\n\r\n") else { return }
        let request = received
        received = ""
        let script = state.value.withLock { value in
            value.requests.append(request)
            return value.script
        }
        switch script {
        case .answer(let bytes), .reply(let bytes):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: bytes)), promise: nil)
        case .answerAndClose(let bytes):
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: bytes)), promise: nil)
            context.close(promise: nil)
        case .answerInPieces(let bytes): write(Array(bytes.utf8)[...], context)
        case .silence, .greet: break
        case .close: context.close(promise: nil)
        }
    }
}

/// An address at which nothing listens: a port that no system hands out. One that was bound and given back may be another
/// test's by the time it is asked.
let closedAddress = ApusAddresses.SocketAddress("127.0.0.1:1")!

/// Waits, a few milliseconds at a time, until `condition` holds; false when it has not after five seconds.
func eventually(_ condition: () async -> Bool) async -> Bool {
    // A minute: on a machine that does other things as well, only failing may take long.
    for _ in 0..<12_000 {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(5))
    }
    return false
}
