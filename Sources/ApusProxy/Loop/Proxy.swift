import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// What one worker's requests need: connections, exchanges, pools. Each request lives and dies here.
///
/// The methods are grouped by the story of a request: clients, filters, origins, exchanges, answers, records. They name
/// connections and exchanges (`x`) by slot. What concerns an exchange returns a `Next`, which `drive` carries out. What needs
/// no more than a room or two is that room's own method, with the others that it touches passed `inout`.
///
/// The arena is passed along rather than kept: the compiler then sees that bytes being read in place and the proxy's
/// own state are different things, without a check at run time. So is the request's head in hand (`RequestInHand`), from
/// where it is parsed to where it has been written.
///
/// Methods are `mutating` whether they change something or not. One that is not, called from one that is, gets the proxy
/// as a copy on the stack (Swift 6.3): hundreds of bytes, for each call. What remains is called from closures only. For
/// the same reason the head in hand goes by `inout`.
struct Proxy: ~Copyable {
    // What a reload changes.
    var shared: SharedState
    var settings: WorkerSettings
    // The rooms.
    var connections: Connections
    var exchanges: Slab<Exchange>
    var schedule: Schedule
    var clients = Clients()
    var introductions = Introductions()
    /// The pools, as this worker has them.
    var origins: Origins<CountsOfAll>
    var records: Records
    var neighbours: Neighbours
    var scratch = Scratch()
    /// Decides where chance does: among a route's pools.
    var chance: SplitMix64

    init(
        neighbours: consuming Neighbours, shared: SharedState, settings: WorkerSettings, counters: CounterBank,
        log: AccessLogWriter?, links: consuming Links
    ) {
        let now = links.now
        let seed = UInt64(truncatingIfNeeded: links.wallClock())
        let index = neighbours.index
        self.shared = shared
        self.settings = settings
        connections = Connections(over: links, capacity: Self.slabCapacity)
        exchanges = Slab(capacity: Self.slabCapacity)
        schedule = Schedule(now: now)
        origins = Origins(
            of: shared.snapshot, worker: index, seed: seed, loads: CountsOfAll(shared.loads),
            poolLoads: CountsOfAll(shared.poolLoads), waiting: CountsOfAll(shared.waiting), now: now)
        records = Records(
            counters: counters, log: log, sampling: SplitMix64(seed: seed &+ UInt64(index)))
        self.neighbours = neighbours
        chance = SplitMix64(seed: seed &+ UInt64(index) << 32)
        scratch.responseFields.clientRules = settings.rules.clientFields
        scratch.trailers.clientRules = settings.rules.clientFields
    }

    /// Address space for this many connections and exchanges; memory only for those that exist.
    static let slabCapacity = Bounds.requestsPerWorker.upperBound
    /// The time of this turn of the loop.
    var now: Int64 { @inline(__always) mutating get { connections.links.now } }
}

extension Proxy {
    /// Has the hand know the rules of what runs: before the first request, and when another snapshot has come.
    mutating func prepare(_ hand: inout RequestInHand) { hand.fields.clientRules = settings.rules.clientFields }

    /// What engines are made from, from now on.
    mutating func adopt(_ shields: any LinkShields) {
        connections.links.adopt(shields) { [mailbox = neighbours.mailbox] in mailbox.post(.shake($0)) }
    }

    /// Something has happened to a connection.
    mutating func handle(_ event: Poller.Event, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        guard let connection = connections.index(SlabHandle(token: event.token)) else { return }
        connections.note(event, of: connection)
        if event.isWritable, connections[connection].link.hasUnsent { flushSealed(connection, &arena) }
        proceed(connection, isWritable: event.isWritable, &hand, &arena)
    }

    /// Sends what an engine has sealed where nobody waits for it to be gone.
    @inline(never)
    private mutating func flushSealed(_ connection: Int, _ arena: inout BufferArena) {
        switch connections[connection].phase {
        case .exchanging, .leased: return
        default: _ = connections.flushOutput(connection, &arena)
        }
    }

    /// Does whatever a connection can do now.
    mutating func proceed(
        _ connection: Int, isWritable: Bool, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        switch connections[connection].phase {
        case .introducing: readProxyHeader(connection, &hand, &arena)
        case .shaking: shake(connection, &hand, &arena)
        case .waiting, .readingHead: readRequest(connection, &hand, &arena)
        case .exchanging:
            let next = clientProceeds(connection, isWritable: isWritable, &arena)
            drive(Int(connections[connection].exchange), next, &arena)
        case .lingering: discardInput(connection, &arena)
        case .evicted: refuse(connection, .memoryLimit, &arena)
        case .connecting, .opening:
            let x = Int(connections[connection].exchange)
            drive(x, connectProceeds(connection, isWritable: isWritable, &arena), &arena)
        case .idle: idleUpstreamChanged(connection, &arena)
        case .held: heldUpstreamChanged(connection, &arena)
        case .leased:
            let x = Int(connections[connection].exchange)
            drive(x, upstreamProceeds(connection, isWritable: isWritable, &arena), &arena)
        }
    }

    /// Has those connections proceed that have something to do and will see no event for it (`makeReady`): more than one turn
    /// allows, or what has come already.
    mutating func runReady(_ hand: inout RequestInHand, _ arena: inout BufferArena) {
        // Only those that were ready before: what they make ready waits for the next turn, so that nobody starves.
        let count = connections.ready.count
        guard count > 0 else { return }
        for index in 0..<count {
            guard let connection = connections.index(connections.ready[index]) else { continue }
            proceed(connection, isWritable: false, &hand, &arena)
        }
        connections.ready.removeFirst(count)
    }

    /// Does what is due in this turn: alarms, queues in which there is room, memory that somebody needs.
    mutating func runDue(_ arena: inout BufferArena) {
        if schedule.alarms.count > 0 { runAlarms(&arena) }
        if !schedule.roomInPools.isEmpty || !schedule.changedPools.isEmpty { serveQueues(&arena) }
        if connections.isShortOfMemory { shedStalled(&arena) }
    }
}
