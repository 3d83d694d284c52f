import ApusAddresses
import ApusBalancing
import ApusHTTP
import ApusModel
import Logging
import NIOPosix
import Synchronization
import Testing

@testable import ApusControl

/// What the prober knows, and says, after a reload.
@Suite struct ProberReloadTests {
    static let addresses = (1...4).map { SocketAddress("127.0.0.1:\($0)")! }

    private static func snapshot(_ addresses: [SocketAddress], adjust: (inout Pool) -> Void = { _ in }) -> Snapshot {
        Snapshot.pool(addresses, health: ProberTests.check(.none), workers: 2, adjust: adjust)
    }

    private func prober(_ snapshot: Snapshot) -> (Prober, FakeDataPlane, LogRecorder) {
        let link = FakeDataPlane(snapshot)
        let log = LogRecorder()
        let prober = Prober(
            snapshot: snapshot, link: link, eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "test") { _ in log })
        return (prober, link, log)
    }

    @Test func factsOfEarlierSnapshotsAreRenamed() async throws {
        let first = Self.snapshot(Self.addresses)
        let (prober, link, _) = prober(first)
        func down(_ endpoint: Int, epoch: Int) async {
            for _ in 0..<3 {
                await prober.observe(ReportedFact(epoch: epoch, .connectFailed(endpoint: endpoint, .refused)))
            }
        }
        await down(3, epoch: 0)
        // The first two go, the others change places; then the first comes back.
        let one = Succession(from: first, to: Self.snapshot([Self.addresses[3], Self.addresses[2]]), census: Census())
        try await prober.adopt(one, epoch: 1) {}
        #expect(await prober.kinds == [.unhealthy, .unknown])
        let two = Succession(
            from: one.snapshot, to: Self.snapshot([Self.addresses[2], Self.addresses[3], Self.addresses[0]]),
            census: Census())
        try await prober.adopt(two, epoch: 2) {}
        #expect(await prober.kinds == [.unknown, .unhealthy, .unknown])
        await down(2, epoch: 0)
        #expect(await prober.kinds == [.unhealthy, .unhealthy, .unknown], "told two reloads ago")
        await down(0, epoch: 0)
        #expect(await prober.kinds == [.unhealthy, .unhealthy, .unknown], "of one that was gone since")
        await down(2, epoch: 2)
        #expect(await prober.kinds == [.unhealthy, .unhealthy, .unhealthy])
        var decisions = link.decisions.makeAsyncIterator()
        var told: [Int] = []
        for _ in 0..<3 { told.append(await decisions.next()!.endpoint) }
        #expect(told == [3, 0, 2], "each in the indices of its time")
    }

    @Test func requestsWithoutAResponseAreCountedThroughReloads() async throws {
        let first = Self.snapshot(Self.addresses)
        let (prober, _, log) = prober(first)
        func silent(_ endpoint: Int, count: Int, epoch: Int) async {
            let fact = DataPlaneFact.gaveNoResponse(endpoint: endpoint, .responseHeadTimeout, count: count)
            await prober.observe(ReportedFact(epoch: epoch, fact))
        }
        let name = "endpoint web/127.0.0.1:4"
        await silent(3, count: 1, epoch: 0)
        await silent(3, count: 4, epoch: 0)
        let one = Succession(from: first, to: Self.snapshot([Self.addresses[3], Self.addresses[0]]), census: Census())
        try await prober.adopt(one, epoch: 1) {}
        await silent(0, count: 5, epoch: 1)
        await silent(1, count: 1, epoch: 1)
        #expect(
            log.lines == [
                "warning: \(name) gave a request no response: response_head_timeout",
                "warning: endpoint web/127.0.0.1:1 gave a request no response: response_head_timeout",
            ], "the pause goes on")
        for _ in 0..<3 {
            await prober.observe(ReportedFact(epoch: 1, .connectFailed(endpoint: 0, .refused)))
        }
        let last = try #require(log.lines.last)
        #expect(last.hasPrefix("warning: \(name) is unhealthy") && last.hasSuffix("; 9 more requests had no response"))
    }

    @Test func whatCannotBeHandedOverChangesNothing() async throws {
        struct Refused: Error {}
        let first = Self.snapshot(Self.addresses)
        let (prober, _, _) = prober(first)
        let succession = Succession(from: first, to: Self.snapshot([Self.addresses[0]]))
        await #expect(throws: Refused.self) { try await prober.adopt(succession, epoch: 1) { throw Refused() } }
        #expect(await prober.kinds.count == 4)
        #expect(await prober.report.snapshot === first)
    }

    @Test func workersAreToldWhatDiffersFromWhatTheyInherit() async throws {
        let rules: (inout Pool) -> Void = { $0.outliers = OutlierRules(consecutive5xx: 5) }
        let first = Self.snapshot(Self.addresses, adjust: rules)
        let (prober, link, log) = prober(first)
        await prober.observe(ReportedFact(epoch: 0, .failedInARow(endpoint: 1, .status5xx, count: 5)))
        let same = Succession(from: first, to: Self.snapshot(Self.addresses.reversed(), adjust: rules))
        try await prober.adopt(same, epoch: 1) {}
        let without = Succession(from: same.snapshot, to: Self.snapshot(Self.addresses) { $0.outliers = nil })
        try await prober.adopt(without, epoch: 2) {}
        var decisions = link.decisions.makeAsyncIterator()
        #expect(await decisions.next() == .init(endpoint: 1, available: false))
        #expect(await decisions.next() == .init(endpoint: 1, available: true))
        #expect(log.lines.last == "notice: endpoint web/127.0.0.1:2 is unknown: the configuration has changed")
    }

    @Test func whatWasRemovedDrains() async throws {
        let first = Self.snapshot(Self.addresses)
        let (prober, link, _) = prober(first)
        let succession = Succession(
            from: first, to: Self.snapshot([Self.addresses[2]]), census: Census(endpoints: [0]))
        try await prober.adopt(succession, epoch: 1) {}
        let report = await prober.report
        #expect(report.snapshot === succession.snapshot)
        #expect(report.pools[0].state(1).words { "\($0)" } == "draining (removed)")
        #expect(await !prober.setWeight(pool: "web", endpoint: Self.addresses[0], weight: 3))
        #expect(await prober.setWeight(pool: "web", endpoint: Self.addresses[2], weight: 3))
        #expect(link.weights == [[0, 3]])
    }

    @Test func aReloadDoesNotProbeAnew() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        let late = try await ScriptedOrigin(ScriptedOrigin.ok)
        var check = ProberTests.check()
        check.interval = .seconds(3600)
        let first = Snapshot.pool([origin.address], health: check)
        let (prober, _, _) = prober(first)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await prober.run() }
            #expect(await eventually { await prober.kinds == [.healthy] })
            let before = origin.connections
            var snapshot = first
            for epoch in 1...20 {
                let succession = Succession(
                    from: snapshot,
                    to: Snapshot.pool([late.address, origin.address], health: check) { $0.retries.attempts = epoch })
                try await prober.adopt(succession, epoch: epoch) {}
                await prober.use(FakeDataPlane(succession.snapshot))
                snapshot = succession.snapshot
            }
            #expect(await eventually { await prober.kinds == [.healthy, .healthy] })
            #expect(origin.connections <= before + 1)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    /// One that comes to others that serve gets requests once a probe has passed; where nobody else serves, at once.
    @Test func whatComesLaterPassesAProbeFirst() async throws {
        let (well, sick) = (
            try await ScriptedOrigin(ScriptedOrigin.ok), try await ScriptedOrigin(ScriptedOrigin.failing)
        )
        let new = try await ScriptedOrigin(ScriptedOrigin.ok)
        var check = ProberTests.check()
        check.interval = .milliseconds(50)
        let first = Snapshot.pool([well.address], health: check)
        let (prober, link, _) = prober(first)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await prober.run() }
            #expect(await eventually { await prober.kinds == [.healthy] })
            let next = Succession(
                from: first, to: Snapshot.pool([well.address, sick.address, new.address], health: check))
            try await prober.adopt(next, epoch: 1) {}
            var decisions = link.decisions.makeAsyncIterator()
            #expect(await decisions.next() == .init(endpoint: 1, available: false))
            #expect(await decisions.next() == .init(endpoint: 2, available: false))
            #expect(await decisions.next() == .init(endpoint: 2, available: true))
            #expect(await eventually { await prober.kinds == [.healthy, .unhealthy, .healthy] })
            let other = Succession(
                from: next.snapshot, to: Snapshot.pool([closedAddress], health: check), census: Census())
            try await prober.adopt(other, epoch: 2) {}
            #expect(await prober.report.pools[0].availableCount == 1)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test func volumesOverAReloadAreWhatWasCounted() {
        let first = Self.snapshot(Self.addresses)
        let link = FakeDataPlane(first)
        let layout = first.counterLayout
        var reader = VolumeReader(first, link)
        for endpoint in 0..<4 { link.add(100, to: layout.endpoint(endpoint, .exchangesEnded)) }
        _ = reader.next(ofPool: 0)
        for endpoint in 0..<4 { link.add(UInt64(endpoint), to: layout.endpoint(endpoint, .exchangesEnded)) }
        let next = Self.snapshot([Self.addresses[3], SocketAddress("127.0.0.1:9")!, Self.addresses[1]])
        let succession = Succession(from: first, to: next, census: Census(endpoints: [0]))
        reader.adopt(succession)
        #expect(!reader.isReady)
        // The counters go on where they were, as `CounterMoves` has it.
        let counters = FakeDataPlane(succession.snapshot)
        let newLayout = succession.snapshot.counterLayout
        #expect(succession.snapshot.counterRoom === first.counterRoom)
        for slot in 0..<layout.count { counters.add(link.total(slot), to: slot) }
        for move in CounterMoves(succession).moves {
            for place in 0..<move.count { counters.add(link.total(move.from + place), to: move.to + place) }
        }
        reader.use(counters)
        counters.add(10, to: newLayout.endpoint(0, .exchangesEnded))
        counters.add(7, to: newLayout.endpoint(1, .exchangesEnded))
        #expect(reader.next(ofPool: 0).map(\.requests) == [13, 7, 1], "the retired one is left out")
    }

    @Test func onlyTheReloadsThatCanBeNeededAreKept() {
        var history = ReloadHistory()
        var snapshot = Self.snapshot(Self.addresses)
        for epoch in 1...10 {
            let succession = Succession(from: snapshot, to: Self.snapshot(Self.addresses.reversed()))
            history.add(succession, epoch: epoch)
            #expect(history.count <= 2)
            let fact = DataPlaneFact.connectSucceeded(endpoint: 0)
            #expect(history.renamed(ReportedFact(epoch: epoch, fact)) == fact)
            #expect(history.renamed(ReportedFact(epoch: epoch - 1, fact)) != nil)
            history.reachedWorkers()
            #expect(history.renamed(ReportedFact(epoch: epoch - 1, fact)) != nil)
            #expect(epoch < 3 || history.renamed(ReportedFact(epoch: epoch - 3, fact)) == nil)
            snapshot = succession.snapshot
        }
    }

    @Test func metricsShowNothingThatIsRetired() throws {
        let first = Self.snapshot(Self.addresses) { $0.endpointBreaker = BreakerRules() }
        let succession = Succession(from: first, to: Self.snapshot([Self.addresses[1]]))
        let snapshot = succession.snapshot
        let text = MetricsText(snapshot: snapshot, counters: FakeDataPlane(snapshot)).render(health: .of(snapshot, []))
        _ = try Exposition(text)
        #expect(text.contains("127.0.0.1:2") && !text.contains("127.0.0.1:1\""))
        // All of it gone and another in its place, under the same names: none of the labels twice.
        let other = Snapshot(
            workers: 1,
            listeners: [
                Listener(name: first.listeners[0].name, bind: SocketAddress("127.0.0.1:7")!, routes: 0..<0)
            ],
            routes: [], pools: [], endpoints: [])
        let all = Succession(from: first, to: other).snapshot
        #expect(all.pools.count == 1 && all.listeners.count == 2)
        let rest = MetricsText(snapshot: all, counters: FakeDataPlane(all)).render(health: .of(all, []))
        _ = try Exposition(rest)
        #expect(!rest.contains("web") && !rest.contains("#2"))
        // The health of another snapshot is not mixed with these counters.
        let mixed = MetricsText(snapshot: all, counters: FakeDataPlane(all)).render(health: .of(first, []))
        #expect(!mixed.contains("apus_endpoint_health"))
    }
}

extension Prober {
    fileprivate var kinds: [EndpointState.Kind] {
        let report = report
        return report.pools.flatMap { pool in (0..<pool.count).map { pool.state($0).kind } }
    }
}
