import Apus
import ApusAddresses
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

/// What is logged of a drain that came to its end before all requests did.
@Suite(.timeLimit(.minutes(1))) struct DrainLogTests {
    @Test(arguments: [1, 3]) func whatWasCutIsCounted(requests: Int) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let arrived = Arrivals()
        // It takes requests and answers none.
        let origin = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Silent { arrived.count.add(1, ordering: .relaxed) })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let configuration = try ConfigurationLoader().load(
            text: """
                workers: 1
                listeners: [{ bind: 127.0.0.1:0 }]
                pools: { web: { endpoints: [127.0.0.1:\(origin.localAddress!.port!)], health: off } }
                timeouts: { drain: 200ms }
                """, file: "embedded.yaml")
        let lines = Lines()
        let (listening, sink) = AsyncStream<LoadBalancer.Addresses>.makeStream()
        let logger = Logger(label: "test") { _ in lines }
        let balancer = LoadBalancer(configuration.snapshot, logger: logger) { sink.yield($0) }
        let services = ServiceGroup(
            configuration: .init(
                services: [.init(service: balancer)], logger: Logger(label: "g") { _ in SwiftLogNoOpLogHandler() }))
        let running = Task { try await services.run() }
        let address = try #require(await listening.first { _ in true }).listeners[0]
        var clients: [any Channel] = []
        for _ in 0..<requests {
            let client = try await ClientBootstrap(group: group)
                .connect(host: "\(address.ip)", port: Int(address.port)).get()
            try await client.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
            clients.append(client)
        }
        while arrived.count.load(ordering: .relaxed) < requests { try await Task.sleep(for: .milliseconds(5)) }
        await services.triggerGracefulShutdown()
        try await running.value
        let cut = requests == 1 ? "a request that was" : "3 requests that were"
        #expect(lines.all.contains("notice: cut \(cut) not over when the drain was (drain_deadline)"))
        for client in clients { try? await client.close() }
        try await origin.close()
    }

    private final class Arrivals: Sendable {
        let count = Atomic(0)
    }

    private final class Silent: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let arrived: @Sendable () -> Void

        init(_ arrived: @escaping @Sendable () -> Void) { self.arrived = arrived }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { arrived() }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    /// Keeps what is logged, as `level: message`.
    private final class Lines: LogHandler {
        private let recorded = Mutex<[String]>([])

        var all: [String] { recorded.withLock { $0 } }
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { .info }
            set {}
        }
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }

        func log(event: LogEvent) { recorded.withLock { $0.append("\(event.level): \(event.message)") } }
    }
}
