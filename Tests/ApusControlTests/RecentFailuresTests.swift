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

    @Test func onlyTheLastMinuteCounts() {
        let recent = RecentFailures()
        recent.note(counts([:]), now: 0)
        for ten in Int64(1)...12 {
            recent.note(counts(["connect_failed": UInt64(ten)], ["web": UInt64(2 * ten)]), now: ten * 10 * Self.second)
        }
        // One in each ten seconds, and two of the origins.
        let latest = counts(["connect_failed": 12], ["web": 24])
        #expect(recent.lately(latest) == counts(["connect_failed": 6], ["web": 12]))
        #expect(
            recent.lately(counts(["connect_failed": 12, "port_limit": 1], ["web": 25]))
                == counts(["connect_failed": 6, "port_limit": 1], ["web": 13]))
    }

    @Test func aYoungProcessTellsAllThereWas() {
        let recent = RecentFailures()
        #expect(recent.lately(counts(["connect_failed": 3])) == counts(["connect_failed": 3]))
        let other = RecentFailures()
        other.note(counts([:]), now: 5 * Self.second)
        #expect(other.lately(counts(["connect_failed": 3])) == counts(["connect_failed": 3]))
    }

    /// A reload ends the counters of what is gone: what comes after is counted nevertheless.
    @Test func countersThatFallHideNothing() {
        let recent = RecentFailures()
        recent.note(counts(["connect_failed": 100]), now: 0)
        recent.note(counts(["connect_failed": 110]), now: 10 * Self.second)
        recent.note(counts([:]), now: 20 * Self.second)
        #expect(recent.lately(counts(["connect_failed": 5])) == counts(["connect_failed": 15]))
        #expect(recent.lately(counts(["connect_failed": 3])) == counts(["connect_failed": 15]))
        #expect(recent.lately(counts(["connect_failed": 4])) == counts(["connect_failed": 16]))
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
