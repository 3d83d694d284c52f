public import ApusAddresses
public import ApusModel
import Hummingbird
public import Logging
public import NIOCore
public import ServiceLifecycle

/// One listener of the admin server: what there is to know of the balancer, and to change about it, over HTTP
/// (docs/admin.md).
///
/// What callers may do is up to the listener's role, of which more than reading needs a token or a Unix socket. What it
/// tells, it asks of `Live` and `RunningConfiguration` at each request. Its role, token and hosts may change while it runs,
/// its address may not.
public struct AdminServer: Service {
    /// Where to listen, as configured.
    public var bind: Admin.Bind { door.bind }
    private let door: AdminDoor
    private let api: AdminAPI
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let listening: @Sendable (ApusAddresses.SocketAddress?) -> Void
    private let connections: AdminConnections

    /// - Parameters:
    ///   - admin: Where to listen. Role, token and hosts are those that `live` has at each request.
    ///   - index: Its place in `Operations.admin`.
    ///   - health: Asked at each request that needs it.
    ///   - upgrade: Hands over to a successor and says so, or throws why not. Nil where there can be none.
    ///   - connections: Bounds the connections of all admin servers that it is given to.
    ///   - failures: What went wrong lately; the caller keeps it up to date (`RecentFailures.watch`).
    ///   - listening: Told once, with the address that is bound: with port 0, the port the system gave; nil for a Unix
    ///     socket.
    public init(
        _ admin: Admin, index: Int = 0, live: Live, configuration: RunningConfiguration, serving: ServingState,
        eventLoopGroup: any EventLoopGroup, logger: Logger, health: @escaping @Sendable () async -> HealthReport,
        upgrade: (@Sendable () async throws -> String)? = nil, connections: AdminConnections = AdminConnections(),
        failures: RecentFailures = RecentFailures(),
        listening: @escaping @Sendable (ApusAddresses.SocketAddress?) -> Void = { _ in }
    ) {
        door = AdminDoor(opened: admin, index: index, live: live)
        api = AdminAPI(
            live: live, configuration: configuration, serving: serving, health: health, upgrade: upgrade,
            connections: connections, failures: failures)
        self.connections = connections
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
        self.listening = listening
    }

    /// Serves until the task is cancelled or the surrounding service group shuts down, and lets go of its address. May be
    /// called again then. Throws `AdminServerError` when it cannot listen.
    public func run() async throws {
        try await AdminSocket.prepare(bind, on: eventLoopGroup)
        var quiet = logger
        // Its errors are those of single clients, and being cancelled.
        quiet.logLevel = .critical
        let address: BindAddress =
            switch bind {
            case .address(let address): .hostname("\(address.ip)", port: Int(address.port))
            case .unix(let path): .unixDomainSocket(path: path)
            }
        let application = Application(
            router: api.router(door: door, logger: logger),
            server: .admin(connections, by: door, logger: logger),
            configuration: ApplicationConfiguration(address: address, serverName: "apus"),
            onServerRunning: { [listening, bind, logger, connections] channel in
                try? await channel.eventLoop.submit {
                    try channel.pipeline.syncOperations.addHandler(AdminAcceptHandler(connections), position: .first)
                }.get()
                if let warning = AdminSocket.open(bind) { logger.warning("\(warning)") }
                listening(channel.localAddress.flatMap(ApusAddresses.SocketAddress.init))
            },
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: quiet)
        do {
            try await AdminSocket.withPrivateFiles(for: bind) { try await application.run() }
        } catch let error as IOError {
            throw AdminServerError(bind, errno: error.errnoCode)
        }
        AdminSocket.remove(bind)
    }
}

/// Why the admin server could not start.
public enum AdminServerError: Error, Equatable, CustomStringConvertible {
    /// Its address could not be bound.
    case bind(ApusAddresses.SocketAddress, errno: Int32)
    /// Its Unix socket could not be bound.
    case bindUnix(path: String, errno: Int32)

    init(_ bind: Admin.Bind, errno: Int32) {
        self =
            switch bind {
            case .address(let address): .bind(address, errno: errno)
            case .unix(let path): .bindUnix(path: path, errno: errno)
            }
    }

    public var description: String {
        switch self {
        case .bind(let address, let errno): "the admin server cannot listen on \(address): \(systemErrorText(errno))"
        case .bindUnix(let path, let errno): "the admin server cannot listen on \(path): \(systemErrorText(errno))"
        }
    }
}

extension ApusAddresses.SocketAddress {
    fileprivate init?(_ address: NIOCore.SocketAddress) {
        guard let text = address.ipAddress, let ip = IPAddress(text), let port = address.port else { return nil }
        self.init(ip: ip, port: UInt16(port))
    }
}
