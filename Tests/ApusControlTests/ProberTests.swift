import ApusBalancing
import ApusModel
import Logging
import NIOPosix
import Synchronization
import Testing

@testable import ApusControl

@Suite struct ProberTests {
    static func check(_ probe: HealthCheck.Probe = .http(path: "/healthz"), rise: Int = 2, fall: Int = 3) -> HealthCheck
    {
        HealthCheck(probe: probe, interval: .milliseconds(20), timeout: .seconds(5), rise: rise, fall: fall)
    }

    /// Runs a prober over endpoints at `addresses` while `body` runs.
    func withProber(
        _ addresses: [SocketAddress], _ check: HealthCheck = check(),
        _ body: (Prober, FakeDataPlane, LogRecorder) async throws -> Void
    ) async throws {
        let snapshot = Snapshot.pool(addresses, health: check)
        let link = FakeDataPlane(snapshot)
        let log = LogRecorder()
        let prober = Prober(
            snapshot: snapshot, link: link, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "test") { _ in log })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await prober.run() }
            try await body(prober, link, log)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func anEndpointGoesDownAndComesBackOnce() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        try await withProber([origin.address]) { prober, link, log in
            #expect(await eventually { await prober.report.endpoints == [.up] })
            var decisions = link.decisions.makeAsyncIterator()
            origin.play(ScriptedOrigin.failing)
            #expect(await decisions.next() == .init(endpoint: 0, available: false))
            origin.play(ScriptedOrigin.ok)
            #expect(await decisions.next() == .init(endpoint: 0, available: true))
            #expect(
                log.lines == [
                    """
                    warning: endpoint web/\(origin.address) is down: 3 of 3 probes failed: status 503; \
                    no endpoint of the pool is left
                    """,
                    "notice: endpoint web/\(origin.address) is up again",
                ])
        }
    }

    @Test func anEndpointThatNeverAnswersDelaysNoOther() async throws {
        let well = try await ScriptedOrigin(ScriptedOrigin.ok)
        let hung = try await ScriptedOrigin(.silence)
        var check = Self.check()
        check.timeout = .seconds(60)
        try await withProber([hung.address, well.address], check) { _, _, _ in
            #expect(await eventually { well.connections >= 10 })
            #expect(hung.connections == 1, "at most one probe of an endpoint at a time")
        }
        #expect(await eventually { hung.openConnections == 0 })
    }

    @Test func connectFailuresOfRequestsCountAtOnce() async throws {
        var check = Self.check(.tcp)
        check.interval = .seconds(3600)
        let origin = try await ScriptedOrigin(.silence)
        try await withProber([origin.address], check) { prober, link, log in
            #expect(await eventually { await prober.report.endpoints == [.up] })
            for _ in 0..<3 { await prober.observe(.connectFailed(endpoint: 0, errno: 111)) }
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 0, available: false))
            #expect(log.lines.last?.contains("is down: 3 of 3 connects failed: connection refused") == true)
        }
    }

    @Test func withoutProbesAnEndpointReturnsAfterItsInterval() async throws {
        try await withProber([try await closedAddress()], Self.check(.none)) { prober, link, log in
            for _ in 0..<3 { await prober.observe(.connectFailed(endpoint: 0, errno: 111)) }
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 0, available: false))
            #expect(await decisions.next() == .init(endpoint: 0, available: true))
            await prober.observe(.connectSucceeded(endpoint: 0))
            #expect(await prober.report.endpoints == [.up])
        }
    }

    @Test func thousandsOfEndpointsAreProbedSmoothly() async throws {
        let origin = try await ScriptedOrigin(.silence)
        let addresses = Array(repeating: origin.address, count: 2000)
        var check = Self.check(.tcp)
        check.interval = .seconds(60)
        check.timeout = .seconds(30)
        try await withProber(addresses, check) { prober, link, _ in
            #expect(await eventually { await prober.report.endpoints.allSatisfy { $0 == .up } })
        }
        #expect(await eventually { origin.openConnections == 0 })
    }
}

/// Keeps what is logged, as `level: message`.
final class LogRecorder: LogHandler {
    private let recorded = Mutex<[String]>([])

    var lines: [String] { recorded.withLock { $0 } }

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

    func log(event: LogEvent) {
        recorded.withLock { $0.append("\(event.level): \(event.message)") }
    }
}
