public import ApusModel
import Hummingbird
public import Logging
public import NIOCore
public import ServiceLifecycle

/// The admin server: metrics, how the endpoints are, and whether this balancer is alive and ready, over HTTP.
///
/// It offers reading only and asks for no credentials: bind it to an address that only operators reach.
public struct AdminServer: Service {
    /// Where to listen.
    public let address: ApusModel.SocketAddress
    private let snapshot: Snapshot
    private let metrics: MetricsText
    private let serving: ServingState
    private let health: @Sendable () async -> HealthReport
    private let eventLoopGroup: any EventLoopGroup
    private let logger: Logger
    private let listening: @Sendable (ApusModel.SocketAddress) -> Void

    /// - Parameters:
    ///   - health: Asked at each request that needs it.
    ///   - listening: Told once, with the address that is bound: with port 0, the port the system gave.
    public init(
        address: ApusModel.SocketAddress, snapshot: Snapshot, metrics: MetricsText, serving: ServingState,
        eventLoopGroup: any EventLoopGroup, logger: Logger, health: @escaping @Sendable () async -> HealthReport,
        listening: @escaping @Sendable (ApusModel.SocketAddress) -> Void = { _ in }
    ) {
        self.address = address
        self.snapshot = snapshot
        self.metrics = metrics
        self.serving = serving
        self.eventLoopGroup = eventLoopGroup
        self.logger = logger
        self.health = health
        self.listening = listening
    }

    /// Serves until the surrounding service group shuts down. Throws `AdminServerError` when it cannot listen.
    public func run() async throws {
        var quiet = logger
        // Its errors are those of single clients, and being cancelled.
        quiet.logLevel = .critical
        let application = Application(
            router: router(),
            configuration: ApplicationConfiguration(
                address: .hostname("\(address.ip)", port: Int(address.port)), serverName: "apus"),
            onServerRunning: { [listening] channel in
                if let bound = channel.localAddress.flatMap(ApusModel.SocketAddress.init) { listening(bound) }
            },
            eventLoopGroupProvider: .shared(eventLoopGroup),
            logger: quiet)
        do {
            try await application.run()
        } catch let error as IOError {
            throw AdminServerError.bind(address, errno: error.errnoCode)
        }
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("/") { _, _ in Self.text(.ok, Self.index) }
        router.get("/livez") { _, _ in Self.text(.ok, "alive\n") }
        router.get("/readyz") { [snapshot, serving, health] _, _ in
            switch Readiness(phase: serving.phase, health: await health(), snapshot: snapshot) {
            case .ready: Self.text(.ok, "ready\n")
            case .notReady(let reason): Self.text(.serviceUnavailable, reason + "\n")
            }
        }
        router.get("/metrics") { [metrics, health] _, _ in
            Self.text(.ok, metrics.render(health: await health()), type: MetricsText.contentType)
        }
        router.get("/v1/pools") { [metrics, health] request, _ in
            let answer = PoolsAnswer(await health(), metrics: metrics)
            if request.uri.queryParameters["text"] != nil { return Self.text(.ok, answer.text) }
            return Self.text(.ok, answer.json, type: "application/json")
        }
        return router
    }

    private static let index = """
        apus \(Version.current)

        /metrics        what Apus counts, as Prometheus text
        /livez          200 while the process runs
        /readyz         200 while clients should be sent here, else 503 and why not
        /v1/pools       how every pool and endpoint is, as JSON
        /v1/pools?text  the same, for people

        """

    private static func text(
        _ status: HTTPResponse.Status, _ text: String, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}

/// Why the admin server could not start.
public enum AdminServerError: Error, Equatable, CustomStringConvertible {
    /// Its address could not be bound.
    case bind(ApusModel.SocketAddress, errno: Int32)

    public var description: String {
        switch self {
        case .bind(let address, let errno): "the admin server cannot listen on \(address): \(systemErrorText(errno))"
        }
    }
}

extension ApusModel.SocketAddress {
    fileprivate init?(_ address: NIOCore.SocketAddress) {
        guard let text = address.ipAddress, let ip = IPAddress(text), let port = address.port else { return nil }
        self.init(ip: ip, port: UInt16(port))
    }
}
