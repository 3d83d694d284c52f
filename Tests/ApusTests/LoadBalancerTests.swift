import Apus
import ApusAddresses
import Foundation
import FoundationNetworking
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import Testing

/// The whole balancer, embedded as a program would embed it.
@Suite(.timeLimit(.minutes(1))) struct LoadBalancerTests {
    /// A balancer on ports of its own before `origin`, and what it said it listens on.
    func balancer(
        before origin: Int, listener: Int = 0, admin: Int = 0, drainDelay: String = "0s"
    ) throws -> (LoadBalancer, AsyncStream<LoadBalancer.Addresses>) {
        let configuration = try ConfigurationLoader().load(
            text: """
                workers: 1
                listeners:
                  - bind: 127.0.0.1:\(listener)
                    routes: [{ pool: web }]
                pools:
                  web: { endpoints: [127.0.0.1:\(origin)] }
                timeouts: { drain: 5s, drain_delay: \(drainDelay) }
                admin: { bind: 127.0.0.1:\(admin) }
                """,
            file: "embedded.yaml")
        let (stream, sink) = AsyncStream<LoadBalancer.Addresses>.makeStream()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return (LoadBalancer(configuration.snapshot, logger: logger) { sink.yield($0) }, stream)
    }

    func get(_ address: ApusAddresses.SocketAddress, _ path: String = "/") async throws -> (Int, String) {
        let session = URLSession(configuration: .ephemeral)
        defer { session.invalidateAndCancel() }
        let (data, response) = try await session.data(from: URL(string: "http://\(address)\(path)")!)
        return ((response as! HTTPURLResponse).statusCode, String(decoding: data, as: UTF8.self))
    }

    @Test func servesUntilAskedToShutDown() async throws {
        let origin = try await Origin()
        let (balancer, listening) = try balancer(before: origin.port)
        let group = ServiceGroup(configuration: .init(services: [.init(service: balancer)], logger: Logger(label: "g")))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let addresses = try #require(await listening.first { _ in true })
            #expect(try await get(addresses.listeners[0]) == (200, "from the origin"))
            let admin = try #require(addresses.admin.first?.address)
            #expect(try await get(admin, "/readyz") == (200, "ready\n"))
            let metrics = try await get(admin, "/metrics").1
            #expect(metrics.contains(#"endpoint="127.0.0.1:\#(origin.port)",class="2xx"} 1"#))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            await #expect(throws: (any Error).self) { try await get(addresses.listeners[0]) }
        }
        try await origin.stop()
    }

    /// Whoever sends clients here hears that they should not, and those that come nevertheless are served.
    @Test func servesOnForTheDrainDelay() async throws {
        let origin = try await Origin()
        let (balancer, listening) = try balancer(before: origin.port, drainDelay: "1h")
        let group = ServiceGroup(configuration: .init(services: [.init(service: balancer)], logger: Logger(label: "g")))
        let running = Task { try await group.run() }
        let addresses = try #require(await listening.first { _ in true })
        let admin = try #require(addresses.admin.first?.address)
        await group.triggerGracefulShutdown()
        var answer = try await get(admin, "/readyz")
        while answer.0 == 200 { answer = try await get(admin, "/readyz") }
        #expect(answer == (503, "leaving: clients are still served, and should be sent elsewhere\n"))
        #expect(try await get(addresses.listeners[0]) == (200, "from the origin"))
        #expect(try await get(admin, "/v1/status").1.contains("leaving"))
        // As the second signal does.
        running.cancel()
        _ = await running.result
        try await origin.stop()
    }

    @Test func endsWhenTheDrainDelayIsOver() async throws {
        let (balancer, listening) = try balancer(before: 1, drainDelay: "300ms")
        let group = ServiceGroup(configuration: .init(services: [.init(service: balancer)], logger: Logger(label: "g")))
        let running = Task { try await group.run() }
        let addresses = try #require(await listening.first { _ in true })
        let asked = ContinuousClock.now
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(asked.duration(to: .now) >= .milliseconds(300))
        await #expect(throws: (any Error).self) { try await get(addresses.listeners[0]) }
    }

    /// A name service that is away at the start ends nothing, and what it says later is used then.
    @Test func servesAnEndpointWhoseNameIsFoundLater() async throws {
        let origin = try await Origin()
        let isThere = Atomic(false)
        let loader = ConfigurationLoader(
            resolve: { _ in isThere.load(ordering: .relaxed) ? [IPAddress(ipv4: 0x7f00_0001)] : [] })
        let configuration = try loader.load(
            text: """
                workers: 1
                listeners: [{ bind: 127.0.0.1:0 }]
                pools: { web: { endpoints: [late.test:\(origin.port)] } }
                resolve: 100ms
                """, file: "embedded.yaml")
        let (listening, sink) = AsyncStream<LoadBalancer.Addresses>.makeStream()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let balancer = LoadBalancer(configuration, loader: loader, logger: logger) { sink.yield($0) }
        let running = Task { try await balancer.run() }
        let address = try #require(await listening.first { _ in true }).listeners[0]
        #expect(try await get(address).0 == 503)
        isThere.store(true, ordering: .relaxed)
        while try await get(address).0 != 200 { try await Task.sleep(for: .milliseconds(20)) }
        running.cancel()
        _ = await running.result
        try await origin.stop()
    }

    @Test func aSnapshotWithProblemsIsNotRun() async throws {
        let address = ApusAddresses.SocketAddress("127.0.0.1:1")!
        let balancer = LoadBalancer(
            Snapshot(
                workers: 0, listeners: [Listener(name: "l", bind: address, routes: 0..<1)],
                routes: [Route(name: "*", pool: 0)], pools: [Pool(name: "p", endpoints: 0..<1)],
                endpoints: [Endpoint(name: "e", address: address, pool: 0)]))
        let error = await #expect(throws: SnapshotError.self) { try await balancer.run() }
        #expect(error?.problems.map(\.place) == ["workers"])
    }

    @Test func endsAtOnceWhenCancelled() async throws {
        let (balancer, listening) = try balancer(before: 1)
        let running = Task { try await balancer.run() }
        _ = await listening.first { _ in true }
        running.cancel()
        _ = await running.result
    }

    /// What fails elsewhere in the program cancels the balancer, which must not forget whom its admin server accepts at
    /// that moment: SwiftNIO would end the process.
    @Test func endsWhileItsAdminServerAccepts() async throws {
        for round in 1...8 {
            let (balancer, listening) = try balancer(before: 1)
            let failing = Failing()
            let group = ServiceGroup(
                configuration: .init(
                    services: [.init(service: balancer), .init(service: failing)],
                    logger: Logger(label: "g") { _ in SwiftLogNoOpLogHandler() }))
            let running = Task { try await group.run() }
            let admin = try #require(await listening.first { _ in true }?.admin.first?.address)
            let calling = Task {
                let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                while !Task.isCancelled {
                    let channel = try? await bootstrap.connect(host: "\(admin.ip)", port: Int(admin.port)).get()
                    try? await channel?.close()
                }
            }
            try await Task.sleep(for: .milliseconds(10 * round))
            failing.fail()
            await #expect(throws: Failing.Failure.self) { try await running.value }
            calling.cancel()
            await calling.value
        }
    }

    @Test func anAddressInUseIsThrown() async throws {
        let origin = try await Origin()
        let taken = ApusAddresses.SocketAddress("127.0.0.1:\(origin.port)")!
        await #expect(throws: DataPlaneError.bind(taken, errno: EADDRINUSE)) {
            try await balancer(before: 1, listener: origin.port).0.run()
        }
        await #expect(throws: AdminServerError.bind(taken, errno: EADDRINUSE)) {
            try await balancer(before: 1, admin: origin.port).0.run()
        }
        try await origin.stop()
    }
}

extension Admin.Bind {
    fileprivate var address: ApusAddresses.SocketAddress? {
        if case .address(let address) = self { address } else { nil }
    }
}

/// Runs until it is told to fail.
private struct Failing: Service {
    struct Failure: Error {}

    private let stream: AsyncStream<Never>
    private let sink: AsyncStream<Never>.Continuation

    init() { (stream, sink) = AsyncStream.makeStream() }

    func fail() { sink.finish() }

    func run() async throws {
        for await _ in stream {}
        throw Failure()
    }
}

/// Answers whatever it is asked and closes.
private struct Origin {
    let channel: any Channel
    var port: Int { channel.localAddress!.port! }

    init() async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Answer()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func stop() async throws { try await channel.close() }

    private final class Answer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let response = ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nfrom the origin")
            context.writeAndFlush(wrapOutboundOut(response), promise: nil)
        }
    }
}
