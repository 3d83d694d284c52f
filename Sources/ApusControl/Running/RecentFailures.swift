import ApusHTTP
import ApusModel
import NIOCore
import Synchronization

/// What went wrong in the last minute, and why: looked at again and again, since counters tell of all time alone.
public final class RecentFailures: Sendable {
    /// How far back it looks, and how often it notes what there was until then, in microseconds.
    static let window: Int64 = 60_000_000
    static let interval: Int64 = 10_000_000

    private let state = Mutex(State())

    public init() {}

    /// Looks at the counters until the task is cancelled or the surrounding service group shuts down.
    public func watch(_ live: Live) async {
        while !Task.isCancelled {
            note(FailureCounts(live.view), now: Prober.now)
            do { try await Task.sleep(for: .microseconds(Self.interval)) } catch { return }
        }
    }

    /// Notes what was counted until now.
    func note(_ counts: FailureCounts, now: Int64) {
        state.withLock { state in
            state.count(counts)
            state.notes.append((now, state.sum))
            // The last one from before the window is what the window begins with.
            while state.notes.count > 1, state.notes[1].time <= now - Self.window { state.notes.removeFirst() }
        }
    }

    /// What there was in the last minute, to the nearest look; all there was, in a younger process.
    func lately(_ counts: FailureCounts) -> FailureCounts {
        state.withLock { state in
            state.count(counts)
            guard let first = state.notes.first else { return state.sum }
            return state.sum.since(first.counts)
        }
    }

    private struct State {
        /// Of the latest look.
        var latest = FailureCounts()
        /// All that was counted, also by counters that a reload has ended.
        var sum = FailureCounts()
        var notes: [(time: Int64, counts: FailureCounts)] = []

        mutating func count(_ counts: FailureCounts) {
            sum.add(counts.since(latest))
            latest = counts
        }
    }
}

/// Failures by cause, since the process has begun.
struct FailureCounts: Sendable, Equatable {
    /// Answers of 5xx that Apus made, and connections that it turned away or broke because of an origin.
    var byReason: [String: UInt64] = [:]
    /// Answers of 5xx by endpoints, by their pool.
    var byPool: [String: UInt64] = [:]

    init() {}

    init(_ view: Live.View) {
        let (snapshot, counters) = (view.snapshot, view.counters)
        let layout = snapshot.counterLayout
        for reason in Reason.allCases where reason.isFailure {
            let slots = snapshot.listeners.indices.map { layout.reason(reason, listener: $0) }
            let count = slots.reduce(0) { $0 + counters.total($1) }
            if count > 0 { byReason["\(reason.token)"] = count }
        }
        for route in snapshot.routes.indices {
            for branch in snapshot.routes[route].pools.indices {
                let row = layout.row(route: route, branch: branch)
                for endpoint in layout.endpoints(row: row) {
                    let count = counters.total(layout.requests(row: row, endpoint: endpoint, statusClass: 5))
                    if count > 0 {
                        byPool[snapshot.pools[snapshot.endpoints[endpoint].pool].name, default: 0] += count
                    }
                }
            }
        }
    }

    /// What was counted since then. A counter that has gone has counted nothing.
    func since(_ earlier: FailureCounts) -> FailureCounts {
        var counts = FailureCounts()
        counts.byReason = Self.since(earlier.byReason, byReason)
        counts.byPool = Self.since(earlier.byPool, byPool)
        return counts
    }

    mutating func add(_ other: FailureCounts) {
        byReason.merge(other.byReason, uniquingKeysWith: +)
        byPool.merge(other.byPool, uniquingKeysWith: +)
    }

    private static func since(_ earlier: [String: UInt64], _ later: [String: UInt64]) -> [String: UInt64] {
        var counts: [String: UInt64] = [:]
        for (name, count) in later {
            let before = earlier[name] ?? 0
            if count > before { counts[name] = count - before }
        }
        return counts
    }
}

extension Reason {
    /// Whether it stands for an answer of 5xx, or for a response that an origin did not complete.
    fileprivate var isFailure: Bool {
        if let status { return status >= 500 }
        return switch self {
        case .upstreamTruncated, .badResponseBody, .responseBodyTimeout, .responseBodyTooSlow: true
        default: false
        }
    }
}
