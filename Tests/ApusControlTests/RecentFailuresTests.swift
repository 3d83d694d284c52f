import ApusAddresses
import ApusHTTP
import ApusModel
import Testing

@testable import ApusControl

@Suite struct RecentFailuresTests {
    private static let second: Int64 = 1_000_000

    private func counts(_ reasons: [String: UInt64], _ pools: [String: UInt64] = [:]) -> FailureCounts {
        var counts = FailureCounts()
        (counts.byReason, counts.byPool) = (reasons, pools)
        return counts
    }

    /// What runs, with counters of its own.
    private struct Running {
        let live: Live
        let link: FakeDataPlane

        init(pool name: String = "web") {
            let snapshot = Snapshot.pool([SocketAddress("127.0.0.1:1")!]) { $0.name = name }
            link = FakeDataPlane(snapshot)
            live = Live(Live.View(snapshot: snapshot, counters: link, addresses: []))
        }

        func fail(_ reason: Reason, _ count: UInt64 = 1, ofOrigins: UInt64 = 0) {
            let layout = live.view.snapshot.counterLayout
            link.add(count, to: layout.reason(reason, listener: 0))
            link.add(ofOrigins, to: layout.requests(row: layout.row(route: 0), endpoint: 0, statusClass: 5))
        }
    }

    @Test func onlyTheLastMinuteCounts() {
        let recent = RecentFailures(now: 0)
        let running = Running()
        recent.note(running.live, now: 0)
        for ten in Int64(1)...12 {
            running.fail(.connectFailed, ofOrigins: 2)
            recent.note(running.live, now: ten * 10 * Self.second)
        }
        // One in each ten seconds, and two of the origins.
        let first = recent.lately(running.live, now: 125 * Self.second)
        #expect(first.counts == counts(["connect_failed": 6], ["web": 12]) && first.time == 65 * Self.second)
        running.fail(.portLimit, ofOrigins: 1)
        let second = recent.lately(running.live, now: 125 * Self.second)
        #expect(second.counts == counts(["connect_failed": 6, "port_limit": 1], ["web": 13]))
    }

    @Test(arguments: [false, true])
    func aYoungProcessTellsAllThereWas(isWatched: Bool) {
        let recent = RecentFailures(now: 2 * Self.second)
        let running = Running()
        if isWatched { recent.note(running.live, now: 5 * Self.second) }
        running.fail(.connectFailed, 3)
        let lately = recent.lately(running.live, now: 9 * Self.second)
        #expect(lately.counts == counts(["connect_failed": 3]) && lately.time == 7 * Self.second)
    }

    /// However often it is asked, it says the same, and what is noted next is the same.
    @Test func askingChangesNothing() {
        let recent = RecentFailures(now: 0)
        let running = Running()
        recent.note(running.live, now: 0)
        running.fail(.connectFailed, 5)
        for _ in 0..<3 {
            #expect(recent.lately(running.live, now: 1).counts == counts(["connect_failed": 5]))
        }
        recent.note(running.live, now: 10 * Self.second)
        #expect(recent.lately(running.live, now: 10 * Self.second).counts == counts(["connect_failed": 5]))
    }

    /// A reload brings other counters: those before are taken a last time, and those after count from where they are. What a
    /// removed pool has counted in weeks is not of the last minute, and no more what a name has counted that was another's.
    @Test(arguments: [false, true])
    func aReloadHidesNothingAndAddsNothing(isTold: Bool) {
        let recent = RecentFailures(now: 0)
        let before = Running(pool: "old")
        before.fail(.connectFailed, 1_000_000, ofOrigins: 2_000_000)
        let live = before.live
        recent.note(live, now: 100 * Self.second)
        recent.note(live, now: 200 * Self.second)
        before.fail(.connectFailed, 3, ofOrigins: 4)
        let after = Running(pool: "new")
        // Carried over, under another name.
        after.fail(.connectFailed, 500, ofOrigins: 2_000_004)
        live.view = after.live.view
        // Between the two there is what those before have counted.
        let amid = recent.lately(live, now: 201 * Self.second)
        #expect(amid.counts == counts(["connect_failed": 3], ["old": 4]))
        if isTold { recent.turn(to: live) } else { recent.note(live, now: 202 * Self.second) }
        before.fail(.connectFailed, 1_000_000, ofOrigins: 1_000_000)
        after.fail(.connectFailed, 2, ofOrigins: 1)
        let late = recent.lately(live, now: 203 * Self.second)
        #expect(late.counts == counts(["connect_failed": 5], ["old": 4, "new": 1]))
        recent.note(live, now: 210 * Self.second)
        #expect(recent.lately(live, now: 211 * Self.second).counts == late.counts)
    }

    /// Pools of one name have the names that other answers give them.
    @Test func poolsOfOneNameAreToldApart() {
        let address = SocketAddress("127.0.0.1:1")!
        let snapshot = Snapshot(
            workers: 1,
            listeners: [Listener(name: "127.0.0.1:8080", bind: SocketAddress("127.0.0.1:0")!, routes: 0..<2)],
            routes: [Route(name: "a", pool: 0), Route(name: "b", pool: 1)],
            pools: [Pool(name: "web", endpoints: 0..<1), Pool(name: "web", endpoints: 1..<2)],
            endpoints: [
                Endpoint(name: "a", address: address, pool: 0), Endpoint(name: "b", address: address, pool: 1),
            ])
        let link = FakeDataPlane(snapshot)
        let layout = snapshot.counterLayout
        for (route, count) in [(0, 3), (1, 4)] as [(Int, UInt64)] {
            let row = layout.row(route: route)
            let endpoint = layout.endpoints(row: row).first!
            link.add(count, to: layout.requests(row: row, endpoint: endpoint, statusClass: 5))
        }
        let view = Live.View(snapshot: snapshot, counters: link, addresses: [])
        #expect(FailureCounts(view) == counts([:], ["web": 3, "web#2": 4]))
    }

    /// TLS handshakes that were refused, of listeners with TLS.
    @Test func handshakesAreCountedByCause() {
        let plain = Snapshot.pool([SocketAddress("127.0.0.1:1")!])
        var listener = plain.listeners[0]
        listener.tls = ListenerTLS()
        let snapshot = Snapshot(
            workers: 1, listeners: [listener], routes: plain.routes, pools: plain.pools, endpoints: plain.endpoints)
        let link = FakeDataPlane(snapshot)
        let live = Live(Live.View(snapshot: snapshot, counters: link, addresses: []))
        let recent = RecentFailures(now: 0)
        let layout = snapshot.counterLayout
        func count(_ number: UInt64, _ fault: HandshakeFault.Kind) {
            link.add(number, to: layout.handshakes(fault, listener: 0))
        }
        count(100, .certificateRevoked)
        recent.note(live, now: 0)
        recent.note(live, now: 100 * Self.second)
        #expect(recent.lately(live, now: 101 * Self.second).counts == FailureCounts())
        count(4, .certificateRevoked)
        count(2, .nothingInCommon)
        link.add(1, to: layout.listener(0, .handshakeTimeouts))
        link.add(9, to: layout.listener(0, .handshakesLeft))
        let lately = recent.lately(live, now: 102 * Self.second).counts
        #expect(lately.handshakes == ["certificate_revoked": 4, "nothing_in_common": 2, "timed_out": 1])
    }

    @Test func whatIsCountedIsWhatFailed() {
        let snapshot = Snapshot.pool([SocketAddress("127.0.0.1:1")!, SocketAddress("127.0.0.1:2")!])
        let link = FakeDataPlane(snapshot)
        let layout = snapshot.counterLayout
        for (reason, count) in [
            (.descriptorLimit, 7), (.noHealthyEndpoint, 2), (.upstreamTruncated, 1), (.noRoute, 50), (.clientClosed, 9),
        ] as [(Reason, UInt64)] {
            link.add(count, to: layout.reason(reason, listener: 0))
        }
        let row = layout.row(route: 0)
        link.add(3, to: layout.requests(row: row, endpoint: 1, statusClass: 5))
        link.add(4, to: layout.requests(row: row, endpoint: 1, statusClass: 2))
        link.add(2, to: layout.requests(row: row, endpoint: nil, statusClass: 5))
        let view = Live.View(snapshot: snapshot, counters: link, addresses: [])
        #expect(
            FailureCounts(view)
                == counts(["descriptor_limit": 7, "no_healthy_endpoint": 2, "upstream_truncated": 1], ["web": 3]))
    }
}
