import ApusControl
public import ApusModel
import ApusProxy
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import UnixSignals

/// A load balancer: a data plane that carries the requests, a prober that watches the endpoints, and an admin server.
///
/// It is made from a snapshot, which is most easily read from a configuration text, and runs until it is told to stop.
/// A whole program:
///
/// ```swift
/// import Apus
///
/// @main
/// struct Edge {
///     static func main() async throws {
///         let configuration = try ConfigurationLoader().load(
///             text: """
///                 listeners:
///                   - bind: 127.0.0.1:8080
///                     routes: [{ pool: web }]
///                 pools:
///                   web: { endpoints: [127.0.0.1:3001, 127.0.0.1:3002] }
///                 """,
///             file: "edge.yaml")
///         try await LoadBalancer(configuration.snapshot).runUntilSignalled()
///     }
/// }
/// ```
///
/// A program that has more services puts it among them: `ServiceGroup(services: [database, balancer], ...)`.
public struct LoadBalancer: Service {
    public let snapshot: Snapshot
    private let logger: Logger
    private let listening: @Sendable (Addresses) -> Void

    /// Where a balancer listens; where port 0 was configured, with the port that the system gave.
    public struct Addresses: Sendable, Equatable {
        /// In the order of `Snapshot.listeners`.
        public var listeners: [ApusModel.SocketAddress]
        public var admin: ApusModel.SocketAddress?
    }

    /// - Parameter listening: Told once, as soon as clients are accepted.
    public init(
        _ snapshot: Snapshot, logger: Logger = Logger(label: "apus"),
        listening: @escaping @Sendable (Addresses) -> Void = { _ in }
    ) {
        self.snapshot = snapshot
        self.logger = logger
        self.listening = listening
    }

    /// Binds the listeners, serves, and returns when all has ended.
    ///
    /// A graceful shutdown of the surrounding service group drains it: it accepts no more clients, finishes what is in
    /// flight, and cuts what is left after `snapshot.timeouts.drain`. Cancelling the task cuts everything at once.
    ///
    /// Throws `DataPlaneError` when a listener cannot be bound or the access log cannot be opened, and
    /// `AdminServerError` when the admin server's address cannot be bound. May be called again after it has returned.
    public func run() async throws {
        let dataPlane = try DataPlane(snapshot)
        let control = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await serve(dataPlane, control)
        } catch {
            try? await control.shutdownGracefully()
            throw error
        }
        try await control.shutdownGracefully()
    }

    /// Runs until the process gets SIGTERM or SIGINT, then drains; a second signal cuts what is still in flight.
    ///
    /// Throws as `run` does.
    public func runUntilSignalled() async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let group = ServiceGroup(configuration: .init(services: [.init(service: self)], logger: quietLogger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                var isDraining = false
                for await signal in signals {
                    if isDraining {
                        logger.notice("\(signal) again: cutting what is still in flight")
                        return
                    }
                    isDraining = true
                    logger.notice(
                        "\(signal): finishing what is in flight, for \(snapshot.timeouts.drain) at most; again to cut it"
                    )
                    await group.triggerGracefulShutdown()
                }
            }
            do {
                // The balancer has ended, or the second signal has come.
                try await tasks.next()
                tasks.cancelAll()
                try await tasks.waitForAll()
            } catch is CancellationError {}
        }
    }

    private func serve(_ dataPlane: DataPlane, _ control: MultiThreadedEventLoopGroup) async throws {
        let eventLoop = control.next()
        let serving = ServingState()
        let prober = Prober(snapshot: snapshot, link: dataPlane, eventLoop: eventLoop, logger: logger)
        let adminBound = eventLoop.makePromise(of: ApusModel.SocketAddress?.self)
        var services: [any Service] = []
        if let admin = snapshot.operations.admin {
            let live = Live(
                Live.View(
                    snapshot: dataPlane.snapshot, counters: dataPlane.counters, addresses: dataPlane.addresses))
            let running = RunningConfiguration(
                path: nil, loader: ConfigurationLoader(), first: LoadedConfiguration(snapshot: snapshot),
                adopter: Standstill(prober: prober), live: live, logger: logger)
            services.append(
                AdminServer(
                    admin, live: live, configuration: running, serving: serving, eventLoopGroup: control, logger: logger,
                    health: { await prober.report }, listening: { adminBound.succeed($0) }))
        } else {
            adminBound.succeed(nil)
        }
        services.append(prober)
        services.append(
            DataPlaneService(
                dataPlane: dataPlane, prober: prober, serving: serving, adminBound: adminBound,
                logger: logger, listening: listening))
        // Shut down in reverse: the admin server tells of the drain until the last request has ended.
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(
                        service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                },
                logger: quietLogger))
        defer { adminBound.succeed(nil) }
        try await group.run()
    }

    /// For the machinery of services, whose own steps concern nobody.
    private var quietLogger: Logger {
        var logger = logger
        logger.logLevel = .warning
        return logger
    }
}

/// Changes weights, and nothing else yet.
private struct Standstill: SnapshotAdopter {
    struct NotYet: Error, CustomStringConvertible {
        var description: String { "this balancer cannot take another configuration while it runs" }
    }

    let prober: Prober

    func adopt(_ snapshot: Snapshot) async throws { throw NotYet() }

    func setWeight(pool: String, endpoint: ApusModel.SocketAddress, weight: Int) async {
        _ = await prober.setWeight(pool: pool, endpoint: endpoint, weight: weight)
    }
}
