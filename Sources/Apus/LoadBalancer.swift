public import ApusAddresses
public import ApusConfig
import ApusControl
public import ApusModel
public import ApusProcess
import ApusProxy
import ApusTLS
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle

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
    /// What it begins with.
    public let configuration: LoadedConfiguration
    /// What can be asked of it while it runs.
    public let controls = Controls()
    /// Opens when the process was found to have enough file descriptors.
    let hasDescriptors = Latch()
    let path: String?
    private let loader: ConfigurationLoader
    let surroundings: Surroundings?
    let logger: Logger
    private let listening: @Sendable (Addresses) -> Void

    /// Where a balancer listens; where port 0 was configured, with the port that the system gave.
    public struct Addresses: Sendable, Equatable {
        /// In the order of `Snapshot.listeners`.
        public var listeners: [ApusAddresses.SocketAddress]
        /// In the order of `Operations.admin`. Empty for a process that takes over: it binds them a little later.
        public var admin: [Admin.Bind]
    }

    /// - Parameters:
    ///   - configuration: what it begins with.
    ///   - path: the file to read again at a reload; nil for none.
    ///   - loader: reads it.
    ///   - surroundings: what a whole process has that is nothing but a balancer; nil for one that is part of a program.
    ///   - listening: Told once, as soon as clients are accepted.
    public init(
        _ configuration: LoadedConfiguration, path: String? = nil, loader: ConfigurationLoader = ConfigurationLoader(),
        surroundings: Surroundings? = nil, logger: Logger = Logger(label: "apus"),
        listening: @escaping @Sendable (Addresses) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.path = path
        self.loader = loader
        self.surroundings = surroundings
        self.logger = logger
        self.listening = listening
    }

    /// A balancer of a configuration that a program has made by itself.
    public init(
        _ snapshot: Snapshot, logger: Logger = Logger(label: "apus"),
        listening: @escaping @Sendable (Addresses) -> Void = { _ in }
    ) {
        self.init(LoadedConfiguration(snapshot: snapshot), logger: logger, listening: listening)
    }

    public var snapshot: Snapshot { configuration.snapshot }

    /// Binds the listeners, serves, and returns when all has ended.
    ///
    /// A graceful shutdown of the surrounding service group drains it: it accepts no more clients, finishes what is in
    /// flight, and cuts what is left after `snapshot.timeouts.drain`. Cancelling the task cuts everything at once.
    ///
    /// Throws `SnapshotError` when the snapshot has problems and `TooFewDescriptors` when it cannot be served with as many files
    /// as may be open, before anything is bound; `DataPlaneError` when a listener
    /// cannot be bound or the access log cannot be opened, `AdminServerError` when the admin server's address cannot be
    /// bound, and `StateDirectoryError`. May be called again after it has returned.
    public func run() async throws {
        try snapshot.check()
        try checkDescriptors(takesSignals: false)
        let store = try snapshot.operations.stateDirectory.map { try RevisionStore(directory: $0, logger: logger) }
        // What names stood for before, where they are not found now.
        let first = configuration.using(RunningConfiguration.keptNames(handedOver, store))
        var dynamic = handedOver?.dynamic ?? store?.dynamicState ?? DynamicState()
        _ = dynamic.reconcile(with: first.snapshot)
        let inherited = (surroundings?.sockets ?? []).map {
            InheritedListener(descriptor: $0.descriptor, address: $0.address)
        }
        let applied = dynamic.applied(to: first)
        let tickets = TicketKeys((handedOver?.ticketKeys ?? []).compactMap { TicketKeys.Key($0) })
        // Where upgrades are frequent, the turn would never come.
        if handedOver?.ticketKeys.isEmpty == false { tickets.rotate(keeping: TicketTurns.keptKeys) }
        let shields = try TLSShields(for: applied, tickets: tickets)
        let dataPlane = try DataPlane(
            applied, shields: shields, inheriting: inherited, descriptorBound: descriptors.bound)
        defer { controls.end() }
        try await serve(first, dataPlane, ControlLoop.shared, store, shields, tickets)
    }

    private func serve(
        _ first: LoadedConfiguration, _ dataPlane: DataPlane, _ control: MultiThreadedEventLoopGroup,
        _ store: RevisionStore?, _ shields: TLSShields?, _ tickets: TicketKeys
    ) async throws {
        let eventLoop = control.next()
        let serving = ServingState()
        let live = Live(
            Live.View(snapshot: dataPlane.snapshot, counters: dataPlane.counters, addresses: dataPlane.addresses))
        let prober = Prober(
            snapshot: dataPlane.snapshot, link: dataPlane, eventLoop: eventLoop, logger: logger,
            descriptorBound: descriptors.probeBound)
        let failures = RecentFailures()
        let running = RunningConfiguration(
            path: path, loader: loader, first: first,
            adopter: Changeover(dataPlane, prober, live, failures, shields, tickets),
            live: live, store: store, handed: handedOver,
            previousNumber: Int(clamping: surroundings?.takeover?.handover.revision ?? 0), logger: logger,
            outcome: { [supervisor = surroundings?.supervisor] in supervisor?.tell(.status($0.status)) })
        let upgrade = Upgrade(dataPlane, running, tickets, surroundings, logger: logger)
        controls.begin(Controls.Parts(configuration: running, dataPlane: dataPlane, live: live, upgrade: upgrade))
        let adminBound = AdminBinds(snapshot.operations.admin.count, eventLoop)
        let isServing = Latch()
        var services: [any Service] = []
        if !snapshot.operations.admin.isEmpty {
            let connections = AdminConnections()
            let servers = snapshot.operations.admin.enumerated().map { index, admin in
                AdminServer(
                    admin, index: index, live: live, configuration: running, serving: serving, eventLoopGroup: control,
                    logger: logger, health: { await prober.report }, upgrade: upgradeByRequest(upgrade),
                    connections: connections, failures: failures,
                    listening: { address in
                        adminBound.bound(index, at: address.map { .address($0) } ?? admin.bind)
                        guard let address, case .address(let asked) = admin.bind, asked.port == 0 else { return }
                        Task { await running.adminListens(at: address, index: index) }
                    })
            }
            services.append(
                AdminService(
                    servers: servers, takeover: surroundings?.takeover, serving: isServing, upgrade: upgrade,
                    logger: logger))
            services.append(FailureWatch(failures: failures, live: live))
        }
        // A successor serves first: the process before has the admin server's addresses until then.
        if surroundings?.takeover != nil { adminBound.end() }
        services.append(prober)
        services.append(WatchService(configuration: running))
        services.append(CertificateService(configuration: running))
        services.append(NameService(configuration: running))
        services.append(TicketService(keys: tickets, live: live))
        services.append(
            DataPlaneService(
                dataPlane: dataPlane, prober: prober, serving: serving, adminBound: adminBound, isServing: isServing,
                configuration: running, upgrade: upgrade, surroundings: surroundings, logger: logger,
                listening: listening))
        defer { adminBound.end() }
        try await run(services)
    }

    private func upgradeByRequest(_ upgrade: Upgrade) -> (@Sendable () async throws -> String)? {
        guard surroundings != nil else { return nil }
        return { "process \(try await upgrade.begin(nil)) has taken over" }
    }

    /// What the process before this one has told.
    private var handedOver: HandedState? {
        (surroundings?.takeover?.handover.state).flatMap { HandedState(encoded: $0) }
    }

    /// Shut down in reverse: the admin server tells of the drain until the last request has ended.
    private func run(_ services: [any Service]) async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { service in
                    // Once a successor has the admin server, this process's has nothing more to tell.
                    let isAdmin = service is AdminService
                    return .init(
                        service: service, successTerminationBehavior: isAdmin ? .ignore : .gracefullyShutdownGroup,
                        failureTerminationBehavior: .cancelGroup)
                },
                logger: quietLogger))
        try await group.run()
    }

    /// For the machinery of services, whose own steps concern nobody.
    var quietLogger: Logger {
        var logger = logger
        logger.logLevel = .warning
        return logger
    }
}

extension LoadBalancer: CustomStringConvertible {
    /// Service groups print each service, by all that it holds unless it says what it is: the texts of the configuration
    /// are not for everybody, and reflection is slow.
    public var description: String { "the load balancer" }
}

/// Looks up the host names of endpoints again and again.
private struct NameService: Service, CustomStringConvertible {
    let configuration: RunningConfiguration

    var description: String { "the lookups of host names" }

    func run() async {
        await configuration.followNames()
        // The other services go on when there is nothing left to look up.
        try? await gracefulShutdown()
    }
}

/// Has the next key of TLS session tickets take its turn, twice a day, or as often as the configuration says.
private struct TicketService: Service, CustomStringConvertible {
    let keys: TicketKeys
    let live: Live

    var description: String { "the turns of ticket keys" }

    /// How long a turn is.
    private var turn: Duration {
        let rules = live.view.snapshot.listeners.compactMap(\.tls).filter { $0.hasTickets && $0.ticketKeys == nil }
        return rules.map(\.ticketRotation).min() ?? ListenerTLS.usualTicketRotation
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            var turns = TicketTurns(of: keys)
            while !Task.isCancelled {
                // A reload may change how long it is.
                do { try await Task.sleep(for: min(turn, .seconds(60))) } catch { return }
                turns.look(turn: turn)
            }
        }
        try? await gracefulShutdown()
    }
}

/// Reads the counters of failures now and then, for `apus status`.
private struct FailureWatch: Service, CustomStringConvertible {
    let failures: RecentFailures
    let live: Live

    var description: String { "the watch over failures" }

    func run() async {
        await cancelWhenGracefulShutdown { await failures.watch(live) }
    }
}

/// Reads certificates again when their files change.
private struct CertificateService: Service, CustomStringConvertible {
    let configuration: RunningConfiguration

    var description: String { "the watch over certificates" }

    func run() async {
        await configuration.followCertificates()
        try? await gracefulShutdown()
    }
}

/// Looks at the configuration's files, where that is asked for.
private struct WatchService: Service, CustomStringConvertible {
    let configuration: RunningConfiguration

    var description: String { "the watch over the configuration's files" }

    func run() async {
        await configuration.watch()
        // Not watching is no reason for anybody else to end.
        try? await gracefulShutdown()
    }
}
