import ApusHTTP
import ApusModel
import ApusTransport

@testable import ApusProxy

extension WorkerAtHand {
    /// What became of exchanges, as the worker counted it.
    func count(into tally: inout WalkTally) {
        let layout = worker.proxy.shared.layout
        func add(_ name: String, _ slot: Int) {
            tally.counted[name, default: 0] += worker.proxy.records.counters.value(slot)
        }
        for endpoint in worker.proxy.shared.snapshot.endpoints.indices {
            add("retries", layout.endpoint(endpoint, .retries))
            add("reused", layout.endpoint(endpoint, .connectionsReused))
            add("connect failures", layout.endpoint(endpoint, .connectFailures))
            add("attempts", layout.endpoint(endpoint, .exchangesStarted))
        }
        for pool in worker.proxy.shared.snapshot.pools.indices {
            add("hedges", layout.pool(pool, .hedges))
            add("hedges won", layout.pool(pool, .hedgesWon))
            add("dequeued", layout.pool(pool, .dequeued))
            add("fallbacks", layout.pool(pool, .fallbacks))
        }
        for listener in worker.proxy.shared.snapshot.listeners.indices {
            add("accepted", layout.listener(listener, .connectionsAccepted))
            for reason in Reason.allCases { add("\(reason.token)", layout.reason(reason, listener: listener)) }
        }
        tally.counted["pipes", default: 0] += UInt64(worker.proxy.connections.links.pipeCount)
    }
}
