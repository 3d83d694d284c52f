import ApusAddresses
import ApusBalancing
import ApusHTTP
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
        _ addresses: [SocketAddress], _ check: HealthCheck = check(), outliers: OutlierRules? = nil, panic: Int = 0,
        _ body: (Prober, FakeDataPlane, LogRecorder) async throws -> Void
    ) async throws {
        let snapshot = Snapshot.pool(addresses, health: check, workers: 3) {
            $0.outliers = outliers
            $0.panicThreshold = panic
        }
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
            #expect(await eventually { await prober.states == [.healthy] })
            var decisions = link.decisions.makeAsyncIterator()
            origin.play(ScriptedOrigin.failing)
            #expect(await decisions.next() == .init(endpoint: 0, available: false))
            origin.play(ScriptedOrigin.ok)
            #expect(await decisions.next() == .init(endpoint: 0, available: true))
            #expect(await eventually { log.lines.count == 2 })
            #expect(
                log.lines == [
                    """
                    warning: endpoint web/\(origin.address) is unhealthy: 3 of 3 probes failed: status 503, expected 200-399; \
                    no endpoint of the pool is left
                    """,
                    "notice: endpoint web/\(origin.address) is healthy again: 2 of 2 probes passed",
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
            #expect(await eventually { await prober.states == [.healthy] })
            for _ in 0..<3 { await prober.observe(.connectFailed(endpoint: 0, .refused)) }
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 0, available: false))
            #expect(await eventually { !log.lines.isEmpty })
            #expect(log.lines.last?.contains("is unhealthy: 3 of 3 connects failed: connection refused") == true)
        }
    }

    @Test func whatBecomesOfLinesOfTheAccessLogIsTold() async throws {
        try await withProber([SocketAddress("127.0.0.1:1")!], Self.check(.none)) { prober, _, log in
            for event: AccessLogNews.Event in [
                .refused("nobody reads it", keepsLines: true, untold: 0),
                .stillRefused("nobody reads it", dropped: 540),
                .refused("Broken pipe", keepsLines: false, untold: 3), .resumed(dropped: 4),
                .dropped(1, .refused("No space left on device")), .dropped(5, .tooFast), .dropped(1, .reopened),
            ] {
                await prober.observe(.accessLog(AccessLogNews(destination: "/a", event)))
            }
            #expect(
                log.lines == [
                    """
                    error: access log /a is not written: nobody reads it; lines wait in memory, and are dropped where there is \
                    no room left
                    """,
                    """
                    error: access log /a is still not written: nobody reads it; 540 lines were dropped so far; told once a minute
                    """,
                    """
                    error: access log /a is not written: Broken pipe; what comes is lost; 3 times more since that was last told
                    """,
                    "notice: access log /a is written again; 4 lines were dropped",
                    "warning: access log /a: 1 line was dropped: No space left on device",
                    "warning: access log /a: 5 lines were dropped: they came faster than they could be written",
                    "warning: access log /a: 1 line was dropped: another file was opened in the middle of a line",
                ])
        }
    }

    @Test func whatIsRefusedIsToldOnceForEachCauseWithWhatToDo() async throws {
        try await withProber([SocketAddress("127.0.0.1:1")!], Self.check(.none)) { prober, link, log in
            let events: [RefusalNews.Event] = [
                .turnedAway(.descriptorLimit, count: 1), .turnedAway(.connectionLimit, count: 3),
                .cameBack(route: "api", from: "10.0.0.9", count: 2), .ledBack(endpoint: "web/10.0.0.8:80", count: 1),
                .proxyHeaderRefused(.missing, from: "10.0.0.7", count: 2),
            ]
            for event in events + events { await prober.observe(.refused(RefusalNews(listener: "0.0.0.0:80", event))) }
            #expect(link.givenUp == 2, "each time that descriptors are lacking")
            #expect(
                log.lines == [
                    """
                    error: listener 0.0.0.0:80 turned a client's connection away: descriptor_limit; raise the limit of open files \
                    of this process (LimitNOFILE, ulimit -n), or find out who keeps so many connections (limits.connections \
                    bounds those of a listener); told once a minute
                    """,
                    """
                    error: listener 0.0.0.0:80 turned 3 clients' connections away: connection_limit; it has limits.connections \
                    (10000) already: raise that, or find out who opens so many; told once a minute
                    """,
                    """
                    warning: route api of listener 0.0.0.0:80 was sent 2 requests that it had forwarded before, the latest by \
                    10.0.0.9, and answered 508 (loop_detected): an endpoint of its pool leads back here; told once a minute
                    """,
                    """
                    warning: endpoint web/10.0.0.8:80 answered a request of listener 0.0.0.0:80 with 508 (loop_detected): it is an \
                    Apus, or leads to one, by which they had come before; look where its pools lead; told once a minute
                    """,
                    """
                    warning: listener 0.0.0.0:80 closed 2 connections that had to begin with a header of the PROXY protocol, the \
                    latest from 10.0.0.7: the connection began with something else; have that proxy send the header (send-proxy, \
                    proxy_protocol on), or leave it out of the listener's proxy_protocol; told once a minute
                    """,
                ])
        }
    }

    /// What came in a pause is told when it is over, with the time of it, though nothing more comes; and at the end at once.
    @Test(.timeLimit(.minutes(1))) func whatIsKeptIsToldByAnAlarm() async throws {
        let recorder = try await withKeptNews { prober, log, news in
            await prober.observe(news + news, pause: 500_000)
            #expect(await eventually { log.lines.count == 4 })
            #expect(log.lines.count { $0.contains("turned 7 clients' connections away in ") } == 1)
            #expect(log.lines.count { $0.contains("gave 5 more requests no response in the last ") } == 1)
            #expect(await eventually { await prober.keepsNothing })
            await prober.observe(news + news, pause: 3_600_000_000)
            #expect(log.lines.count == 6)
        }
        #expect(recorder.lines.count == 8)
    }

    private func withKeptNews(
        _ body: (Prober, LogRecorder, [DataPlaneFact]) async throws -> Void
    ) async throws -> LogRecorder {
        var recorder: LogRecorder?
        try await withProber([SocketAddress("127.0.0.1:1")!], Self.check(.none)) { prober, _, log in
            recorder = log
            let refusal = RefusalNews(listener: "0.0.0.0:80", .turnedAway(.connectionLimit, count: 7))
            try await body(
                prober, log, [.refused(refusal), .gaveNoResponse(endpoint: 0, .responseHeadTimeout, count: 5)])
        }
        return try #require(recorder)
    }

    @Test(arguments: Shortage.allCases)
    func whatThisMachineLacksIsToldOnceAndCountsAgainstNobody(shortage: Shortage) async throws {
        var check = Self.check(.tcp)
        check.interval = .seconds(3600)
        let origin = try await ScriptedOrigin(.silence)
        try await withProber([origin.address], check) { prober, link, log in
            #expect(await eventually { await prober.states == [.healthy] })
            for _ in 0..<5 { await prober.observe(.connectFailed(endpoint: 0, .shortage(shortage))) }
            #expect(await prober.states == [.healthy])
            #expect(log.lines.filter { $0.contains("\(shortage) for a connection to endpoint") }.count == 1)
        }
    }

    @Test func withoutProbesAnEndpointReturnsAfterItsInterval() async throws {
        try await withProber([closedAddress], Self.check(.none)) { prober, link, log in
            for _ in 0..<3 { await prober.observe(.connectFailed(endpoint: 0, .refused)) }
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 0, available: false))
            #expect(await decisions.next() == .init(endpoint: 0, available: true))
            await prober.observe(.connectSucceeded(endpoint: 0))
            #expect(await prober.states == [.healthy])
        }
    }

    // MARK: - Answers of requests

    static let addresses = (1...4).map { SocketAddress("127.0.0.1:\($0)")! }

    @Test func badAnswersInARowEject() async throws {
        let rules = OutlierRules(baseEjection: .milliseconds(50))
        try await withProber(Self.addresses, Self.check(.none), outliers: rules) { prober, link, log in
            await prober.observe(.failedInARow(endpoint: 2, .status5xx, count: 5))
            await prober.observe(.failedInARow(endpoint: 2, .gatewayError, count: 5))
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 2, available: false))
            #expect(await decisions.next() == .init(endpoint: 2, available: true))
            #expect(await eventually { log.lines.count == 2 })
            let name = "endpoint web/127.0.0.1:3"
            let time = log.lines[0].firstRange(of: /\d\d:\d\d:\d\dZ/).map { log.lines[0][$0] } ?? "no time"
            #expect(log.lines[0] == "warning: \(name) is ejected until \(time): 5 consecutive 5xx; 3 of 4 left")
            let over = "its time out of service is over, and requests will tell"
            #expect(log.lines[1] == "notice: \(name) is unknown again: \(over)")
        }
    }

    @Test func whatWasCountedInAnIntervalEjects() async throws {
        var rules = OutlierRules(successRateDeviations: 1.5, minimumHosts: 4, interval: .milliseconds(50))
        rules.baseEjection = .seconds(60)
        let snapshot = Snapshot.pool(Self.addresses, workers: 3)
        let layout = snapshot.counterLayout
        try await withProber(Self.addresses, Self.check(.none), outliers: rules) { _, link, log in
            // Over three workers, each of which has seen too little.
            for worker in 0..<3 {
                for endpoint in 0..<4 { link.add(50, to: layout.endpoint(endpoint, .exchangesEnded), worker: worker) }
                link.add(40, to: layout.endpoint(1, .failures), worker: worker)
            }
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 1, available: false))
            #expect(await eventually { !log.lines.isEmpty })
            #expect(log.lines[0].contains("20% of its requests succeeded, below "), "\(log.lines[0])")
        }
    }

    @Test func volumesAreWhatWasCountedSince() {
        let snapshot = Snapshot.pool(Self.addresses)
        let layout = snapshot.counterLayout
        let link = FakeDataPlane(snapshot)
        var reader = VolumeReader(snapshot, link)
        link.add(10, to: layout.endpoint(3, .exchangesEnded))
        link.add(2, to: layout.endpoint(3, .failures))
        link.add(9, to: layout.endpoint(3, .responses))
        link.add(900, to: layout.endpoint(3, .responseMicroseconds))
        let nothing = EndpointVolume()
        let some = EndpointVolume(requests: 10, failures: 2, responses: 9, microseconds: 900)
        #expect(reader.next(ofPool: 0) == [nothing, nothing, nothing, some])
        #expect(reader.next(ofPool: 0) == [nothing, nothing, nothing, nothing])
        link.add(7, to: layout.endpoint(3, .exchangesEnded))
        #expect(reader.next(ofPool: 0)[3] == EndpointVolume(requests: 7))
    }

    // MARK: - Breakers, panic, weights

    @Test func breakersArePassedOnOnceToTheOtherWorkers() async throws {
        try await withProber(Self.addresses, Self.check(.none)) { prober, link, log in
            let open = BreakerState.open(until: 5_000_000, openings: 1)
            let cause = BreakerCause.slowCalls(slow: 18, total: 20)
            await prober.observe(.breakerChanged(.endpoint(1), open, cause, worker: 2))
            await prober.observe(.breakerChanged(.endpoint(1), open, cause, worker: 0))
            let longer = BreakerState.open(until: 5_000_001, openings: 1)
            await prober.observe(.breakerChanged(.endpoint(1), longer, cause, worker: 1))
            await prober.observe(.breakerChanged(.endpoint(1), .halfOpen(openings: 1), nil, worker: 1))
            await prober.observe(.breakerChanged(.pool(0), open, nil, worker: 1))
            await prober.observe(.breakerChanged(.endpoint(1), .closed, nil, worker: 0))
            #expect(
                link.breakers == [
                    .init(breaker: .endpoint(1), state: open, exceptWorker: 2),
                    .init(breaker: .endpoint(1), state: longer, exceptWorker: 1),
                    .init(breaker: .pool(0), state: open, exceptWorker: 1),
                    .init(breaker: .endpoint(1), state: .closed, exceptWorker: 0),
                ])
            #expect(log.lines.count == 4, "a longer opening is no news to people")
            let first = "warning: endpoint web/127.0.0.1:2: breaker open until "
            #expect(log.lines[0].hasPrefix(first) && log.lines[0].hasSuffix("Z: 18 of 20 requests were slow"))
            #expect(log.lines[1] == "notice: endpoint web/127.0.0.1:2: breaker half-open")
            #expect(log.lines[2].hasPrefix("warning: pool web: breaker open until "))
            #expect(log.lines[3] == "notice: endpoint web/127.0.0.1:2: breaker closed")
        }
    }

    @Test func panicIsSaidOnce() async throws {
        try await withProber(Self.addresses, Self.check(.none), panic: 50) { prober, _, log in
            for endpoint in 0..<4 {
                for _ in 0..<3 { await prober.observe(.connectFailed(endpoint: endpoint, .refused)) }
            }
            let lines = log.lines.filter { $0.contains("panicking") }
            #expect(
                lines == [
                    "warning: pool web is panicking: 1 of 4 endpoints available, below 50%: all of them are used"
                ])
            #expect(await eventually { log.lines.contains { $0.hasPrefix("notice: pool web is not panicking any") } })
        }
    }

    @Test func aWeightOfZeroDrains() async throws {
        try await withProber(Self.addresses, Self.check(.none)) { prober, link, log in
            let address = Self.addresses[3]
            #expect(await prober.setWeight(pool: "web", endpoint: address, weight: 0))
            #expect(await prober.setWeight(pool: "web", endpoint: address, weight: 7))
            #expect(await !prober.setWeight(pool: "other", endpoint: address, weight: 1))
            #expect(await !prober.setWeight(pool: "web", endpoint: SocketAddress("127.0.0.1:99")!, weight: 1))
            #expect(link.weights == [[3, 0], [3, 7]])
            #expect(
                log.lines == [
                    "notice: endpoint web/127.0.0.1:4 is draining: weight 0",
                    "notice: endpoint web/127.0.0.1:4 is unknown: weight 7",
                ])
        }
    }

    @Test func anEndpointThatIsDownIsProbedAtItsOwnInterval() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.failing)
        var check = Self.check()
        check.interval = .seconds(3600)
        check.downInterval = .milliseconds(20)
        try await withProber([origin.address], check) { prober, _, _ in
            #expect(await eventually { origin.connections >= 5 })
            origin.play(ScriptedOrigin.ok)
            #expect(await eventually { await prober.states == [.healthy] })
            // Down by what requests see, with the next probe an hour away.
            for _ in 0..<3 { await prober.observe(.connectFailed(endpoint: 0, .refused)) }
            #expect(await prober.states == [.unhealthy])
            #expect(await eventually { await prober.states == [.healthy] })
        }
    }

    /// A connection proves nothing about an origin that hangs: while it is ejected it is asked something.
    @Test func whoIsEjectedIsAskedAndReturnsWhenItAnswers() async throws {
        let origin = try await ScriptedOrigin(.close)
        let others = try await ScriptedOrigin(ScriptedOrigin.ok)
        var check = Self.check(.tcp)
        check.interval = .seconds(3600)
        check.downInterval = .milliseconds(20)
        try await withProber([origin.address, others.address], check, outliers: OutlierRules()) { prober, _, log in
            #expect(await eventually { await prober.states == [.healthy, .healthy] })
            #expect(origin.requests.count <= 1, "once, to learn whether it answers")
            await prober.observe(.failedInARow(endpoint: 0, .gatewayError, count: 5))
            #expect(await eventually { origin.connections >= 4 })
            #expect(await prober.states == [.ejected, .healthy])
            origin.play(ScriptedOrigin.failing)
            #expect(await eventually { await prober.states == [.healthy, .healthy] })
            #expect(origin.requests.allSatisfy { $0.hasPrefix("HEAD / HTTP/1.1\r\n") } && !origin.requests.isEmpty)
            #expect(log.lines.contains { $0.contains("is healthy again: 2 of 2 probes passed") })
        }
    }

    @Test func whoAnswersAgainIsBackAtOnce() async throws {
        try await withProber(Self.addresses, Self.check(.none), outliers: OutlierRules()) { prober, link, log in
            await prober.observe(.failedInARow(endpoint: 2, .timeout, count: 5))
            await prober.observe(.answersAgain(endpoint: 2))
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 2, available: false))
            #expect(await decisions.next() == .init(endpoint: 2, available: true))
            #expect(log.lines.contains { $0.contains("it answers again") })
        }
    }

    @Test func thousandsOfEndpointsAreProbedSmoothly() async throws {
        let origin = try await ScriptedOrigin(.silence)
        let addresses = Array(repeating: origin.address, count: 2000)
        var check = Self.check(.tcp)
        check.interval = .seconds(60)
        check.timeout = .seconds(30)
        try await withProber(addresses, check) { prober, link, _ in
            #expect(await eventually { await prober.states.allSatisfy { $0 == .healthy } })
        }
        #expect(await eventually { origin.openConnections == 0 })
    }
}

extension Prober {
    /// The states of the endpoints of the only pool.
    var states: [EndpointState.Kind] { report.pools[0].kinds }
}

extension PoolHealth {
    var kinds: [EndpointState.Kind] { (0..<count).map { state($0).kind } }
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

extension Prober {
    /// Takes them all in one step, with logs that pause for so long.
    fileprivate func observe(_ facts: [DataPlaneFact], pause: Int64) {
        silenceLog = SilenceLog(pause: pause)
        refusals = RefusalLog(pause: pause)
        tellingInterval = pause
        for fact in facts { observe(fact) }
    }

    fileprivate var keepsNothing: Bool { silenceLog.isEmpty && refusals.isEmpty }
}
