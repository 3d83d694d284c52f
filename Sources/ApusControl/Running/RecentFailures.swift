import ApusHTTP
import ApusModel
import NIOCore
import Synchronization

/// What went wrong in the last minute, and why: looked at again and again, since counters tell of all time alone.
public final class RecentFailures: Sendable {
    /// How far back it looks, to the nearest look, and how often it looks, in microseconds.
    static let window: Int64 = 60_000_000
    static let interval: Int64 = 10_000_000

    private let state: Mutex<State>

    public convenience init() { self.init(now: Prober.now) }

    init(now: Int64) { state = Mutex(State(notes: [(now, FailureCounts())])) }

    /// Looks at the counters until the task is cancelled or the surrounding service group shuts down.
    public func watch(_ live: Live) async {
        while !Task.isCancelled {
            note(live, now: Prober.now)
            do { try await Task.sleep(for: .microseconds(Self.interval)) } catch { return }
        }
    }

    /// Notes what was counted until now.
    func note(_ live: Live, now: Int64) {
        state.withLock { state in
            state.look(at: live.view)
            state.notes.append((now, state.sum))
            // The last one from before the window is what the window begins with.
            while state.notes.count > 1, state.notes[1].time <= now - Self.window { state.notes.removeFirst() }
        }
    }

    /// Other counters have taken the place of those that were looked at: what these have counted is taken a last time.
    public func turn(to live: Live) {
        state.withLock { state in
            // With nobody who watches, nobody has to.
            if state.latest != nil { state.look(at: live.view) }
        }
    }

    /// What there was in the last minute, to the nearest look, and how far back that is, in microseconds: all there was, in a
    /// younger process. Asking changes nothing.
    func lately(_ live: Live, now: Int64) -> (counts: FailureCounts, time: Int64) {
        state.withLock { state in
            let sum = state.sum(until: live.view)
            return (sum.since(state.notes[0].counts), max(0, now - state.notes[0].time))
        }
    }

    private struct State {
        /// The latest look: which counters it was at, and what they said.
        var latest: (view: Live.View, counts: FailureCounts)?
        /// All that was counted until then, also by counters that a reload has ended.
        var sum = FailureCounts()
        /// Never empty: the first one is what the window begins with.
        var notes: [(time: Int64, counts: FailureCounts)]

        /// Counters are compared with themselves alone. After a reload the same name may stand for another one, which has
        /// counted for longer; so what those before say, which have come to rest, is all there is until `look`.
        func sum(until view: Live.View) -> FailureCounts {
            guard let latest else { return FailureCounts(view) }
            return sum.adding(FailureCounts(latest.view).since(latest.counts))
        }

        mutating func look(at view: Live.View) {
            guard let latest, latest.view.snapshot === view.snapshot else {
                sum = sum(until: view)
                self.latest = (view, FailureCounts(view))
                return
            }
            let counts = FailureCounts(view)
            sum = sum.adding(counts.since(latest.counts))
            self.latest = (view, counts)
        }
    }
}

/// Failures by cause: all that the counters of one view have counted, or a part of it.
struct FailureCounts: Sendable, Equatable {
    /// Answers of 5xx that Apus made, and connections that it turned away or broke because of an origin.
    var byReason: [String: UInt64] = [:]
    /// Answers of 5xx by endpoints, by their pool's name as other answers have it.
    var byPool: [String: UInt64] = [:]
    /// TLS handshakes of clients that failed, by what they failed for.
    var handshakes: [String: UInt64] = [:]

    init() {}

    init(_ view: Live.View) {
        let (snapshot, counters) = (view.snapshot, view.counters)
        let layout = snapshot.counterLayout
        let names = SnapshotNames.unique(snapshot.pools.map(\.name))
        for reason in Reason.allCases where reason.isFailure {
            let slots = snapshot.listeners.indices.map { layout.reason(reason, listener: $0) }
            let count = slots.reduce(0) { $0 + counters.total($1) }
            if count > 0 { byReason["\(reason.token)"] = count }
        }
        handshakes = Self.handshakes(view)
        for route in snapshot.routes.indices {
            for branch in snapshot.routes[route].pools.indices {
                let row = layout.row(route: route, branch: branch)
                for endpoint in layout.endpoints(row: row) {
                    let count = counters.total(layout.requests(row: row, endpoint: endpoint, statusClass: 5))
                    guard count > 0 else { continue }
                    let pool = snapshot.endpoints[endpoint].pool
                    // What was removed is in no other answer, and so has the name that it had.
                    let name = snapshot.pools[pool].isRetired ? snapshot.pools[pool].name : names[pool]
                    byPool[name, default: 0] += count
                }
            }
        }
    }

    /// By cause, as `apus_tls_handshake_failures_total` names it, or `timed_out`.
    private static func handshakes(_ view: Live.View) -> [String: UInt64] {
        let layout = view.snapshot.counterLayout
        var counts: [String: UInt64] = [:]
        for listener in view.snapshot.listeners.indices where view.snapshot.listeners[listener].tls != nil {
            for fault in HandshakeFault.Kind.allCases {
                counts[fault.rawValue, default: 0] += view.counters.total(layout.handshakes(fault, listener: listener))
            }
            counts["timed_out", default: 0] += view.counters.total(layout.listener(listener, .handshakeTimeouts))
        }
        return counts.filter { $0.value > 0 }
    }

    /// What was counted since then, by the same counters.
    func since(_ earlier: FailureCounts) -> FailureCounts {
        var counts = FailureCounts()
        counts.byReason = Self.since(earlier.byReason, byReason)
        counts.byPool = Self.since(earlier.byPool, byPool)
        counts.handshakes = Self.since(earlier.handshakes, handshakes)
        return counts
    }

    func adding(_ other: FailureCounts) -> FailureCounts {
        var counts = self
        counts.byReason.merge(other.byReason, uniquingKeysWith: +)
        counts.byPool.merge(other.byPool, uniquingKeysWith: +)
        counts.handshakes.merge(other.handshakes, uniquingKeysWith: +)
        return counts
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
