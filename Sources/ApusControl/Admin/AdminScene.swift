import ApusBalancing
import ApusConfig
import ApusModel
import Synchronization

/// All that an answer is made of, of one moment: what runs, its counters, its health, and where it comes from.
struct AdminScene {
    let view: Live.View
    /// Made when they are asked for: one endpoint's answer needs no others' names.
    private let made = MadeNames()
    let layout: CounterLayout
    let health: HealthReport
    let running: RunningConfiguration.State

    init(_ view: Live.View, _ health: HealthReport, _ running: RunningConfiguration.State) {
        self.view = view
        layout = view.snapshot.counterLayout
        self.health = health
        self.running = running
    }

    var snapshot: Snapshot { view.snapshot }
    var names: SnapshotNames { made.names(of: snapshot) }

    /// The names of a pool and of an endpoint, as `names` has them, by their indices.
    func name(ofPool index: Int) -> String { made.names?.poolNames[index] ?? snapshot.uniqueName(ofPool: index) }
    func name(ofEndpoint index: Int) -> String {
        made.names?.endpointNames[index] ?? snapshot.uniqueName(ofEndpoint: index)
    }

    /// All that is counted. Made when it is asked for: costly where there are many routes.
    var metrics: MetricsText { MetricsText(snapshot, names, layout, counters: view.counters) }

    func total(_ slot: Int) -> UInt64 { view.counters.total(slot) }

    /// What has begun and not ended; a counter that is read a moment later never makes it negative.
    func difference(_ begun: Int, _ ended: Int) -> UInt64 {
        let ended = total(ended)
        let begun = total(begun)
        return begun - min(begun, ended)
    }

    func listener(_ listener: Int, _ counter: CounterLayout.ListenerCounter) -> UInt64 {
        total(layout.listener(listener, counter))
    }

    func endpoint(_ endpoint: Int, _ counter: CounterLayout.EndpointCounter) -> UInt64 {
        total(layout.endpoint(endpoint, counter))
    }

    func pool(_ pool: Int, _ counter: CounterLayout.PoolCounter) -> UInt64 { total(layout.pool(pool, counter)) }

    /// Client connections open now.
    func openConnections(listener: Int) -> UInt64 {
        difference(
            layout.listener(listener, .connectionsAccepted), layout.listener(listener, .connectionsClosed))
    }

    /// Connections to the endpoint open now, idle ones included.
    func openConnections(endpoint: Int) -> UInt64 {
        difference(layout.endpoint(endpoint, .connectionsOpened), layout.endpoint(endpoint, .connectionsClosed))
    }

    func inFlight(endpoint: Int) -> UInt64 {
        difference(layout.endpoint(endpoint, .exchangesStarted), layout.endpoint(endpoint, .exchangesEnded))
    }

    /// Requests that have waited there for a response for more than a second.
    func late(endpoint: Int) -> Int {
        view.counters.late(layout.endpoint(endpoint, .late), workers: snapshot.workers, now: health.now)
    }
}

extension CounterSource {
    /// What the workers have noted in a slot of `LateRequests`, together.
    func late(_ slot: Int, workers: Int, now: Int64) -> Int {
        (0..<workers).reduce(0) { $0 + LateRequests(word: value(slot, worker: $1)).count(now: now) }
    }
}

/// The names of a snapshot, once somebody has asked for all of them.
private final class MadeNames: Sendable {
    private let state = Mutex<SnapshotNames?>(nil)

    var names: SnapshotNames? { state.withLock { $0 } }

    func names(of snapshot: Snapshot) -> SnapshotNames {
        state.withLock { state in
            let names = state ?? SnapshotNames(snapshot)
            state = names
            return names
        }
    }
}

extension RunningConfiguration {
    /// What there is to tell of it, of one moment.
    struct State: Sendable {
        var revision: Revision
        var kept: [Revision]
        var loaded: LoadedConfiguration
        var dynamic: DynamicState
        var reloads: ReloadFacts
        var names = NameFacts()
        /// As of the last look.
        var ownEndpoints: [OwnEndpoint] = []
        /// Nil while the files are good.
        var refusedFiles: RefusedFiles?
        /// What is not in the state directory, and should be, in words.
        var unkept: String?
        /// Pairs on disk that are not taken.
        var keptPairs: Set<KeptPair> = []
    }

    var state: State {
        State(
            revision: revision, kept: kept, loaded: loaded, dynamic: dynamic, reloads: reloads, names: nameFacts,
            ownEndpoints: ownEndpoints, refusedFiles: refusedFiles, unkept: unkeptWords,
            keptPairs: keptPairs)
    }
}
