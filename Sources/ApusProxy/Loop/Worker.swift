import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// One worker: an event loop with everything that its requests need, on a thread of its own.
///
/// It accepts, and each request lives and dies here; nothing on the request path is shared with another worker but a
/// few counts. The methods are grouped by the story of a request: doors, clients, origins, exchanges, answers, records.
/// They name connections and exchanges by slot. What concerns an exchange returns a `Next`, which `drive` carries out.
///
/// The arena is passed along rather than kept: the compiler then sees that bytes being read in place and the worker's
/// own state are different things, without a check at run time. So is the request's head in hand (`RequestInHand`), from
/// where it is parsed to where it has been written.
///
/// Methods are `mutating` whether they change something or not. One that is not, called from one that is, gets the worker
/// as a copy on the stack (Swift 6.3): 745 bytes, for each call. What remains is called from closures only. For the same
/// reason the head in hand goes by `inout`.
struct Worker: ~Copyable {
    // What a reload changes.
    var shared: SharedState
    var settings: WorkerSettings
    /// What moves bytes, and the clock.
    var links: Links
    var connections: Slab<Connection>
    var exchanges: Slab<Exchange>
    /// The pools, as this worker has them.
    var origins: Origins<CountsOfAll>
    var schedule: Schedule
    var doors: Doors
    var records: Records
    var neighbours: Neighbours
    var scratch = Scratch()
    /// Decides where chance does: among a route's pools.
    var chance: SplitMix64

    init(
        index: Int, shared: SharedState, settings: WorkerSettings, counters: CounterBank,
        mailbox: Mailbox<WorkerMessage>, others: [Mailbox<WorkerMessage>], listeners: [ListeningSocket],
        log: AccessLogWriter?,
        links: consuming Links
    ) {
        let now = links.now
        let seed = UInt64(truncatingIfNeeded: links.wallClock())
        let snapshot = shared.snapshot
        self.shared = shared
        self.settings = settings
        self.links = links
        connections = Slab(capacity: Self.slabCapacity)
        exchanges = Slab(capacity: Self.slabCapacity)
        origins = Origins(
            of: snapshot, worker: index, seed: seed, loads: CountsOfAll(shared.loads),
            poolLoads: CountsOfAll(shared.poolLoads), waiting: CountsOfAll(shared.waiting), now: now)
        schedule = Schedule(now: now)
        doors = Doors(listeners)
        records = Records(
            counters: counters, log: log, sampling: SplitMix64(seed: seed &+ UInt64(index)))
        neighbours = Neighbours(
            index: index, mailbox: mailbox, others: others, hasFailed: snapshot.endpoints.map { _ in false })
        chance = SplitMix64(seed: seed &+ UInt64(index) << 32)
        scratch.responseFields.clientRules = settings.rules.clientFields
        scratch.trailers.clientRules = settings.rules.clientFields
    }

    /// Address space for this many connections; memory only for those that exist.
    static let slabCapacity = Bounds.requestsPerWorker.upperBound
    /// The time of this turn of the loop.
    var now: Int64 { @inline(__always) mutating get { links.now } }
    /// Large bodies that may move through pipes at once; others are copied.
    static let pipeLimit = 512
    /// Tokens below 2^32 are the worker's own: its listeners by position, and these.
    static let mailboxToken: UInt64 = 0xffff_ffff
    /// In the timer wheel: the first of the exchanges', by slot.
    static let exchangeTokens: UInt64 = 0x8000_0000
    /// In the timer wheel: wakes the loop at a time that is looked at in every turn.
    static let wakeToken: UInt64 = 0xffff_fffe
}

extension Worker {
    /// Runs until stopped or drained.
    mutating func run() throws(SystemError) {
        records.counters.set(shared.layout.worker(.threadNumber), to: UInt64(threadNumber()))
        var arena = BufferArena(limit: shared.snapshot.limits.bufferBytesPerWorker)
        var hand = RequestInHand(place: Stretch())
        try begin(&hand)
        while !schedule.isStopped { turn(&hand, &arena) }
        end(&arena)
    }

    /// Before the first turn.
    mutating func begin(_ hand: inout RequestInHand) throws(SystemError) {
        hand.fields.clientRules = settings.rules.clientFields
        for (place, listener) in doors.listeners.enumerated() {
            guard let listener else { continue }
            let result = links.listen(at: listener.socket, token: UInt64(place))
            guard !result.isFailure else { throw SystemError(call: "epoll_ctl", errno: result.errno) }
        }
        let result = links.hear(neighbours.mailbox, token: Self.mailboxToken)
        guard !result.isFailure else { throw SystemError(call: "epoll_ctl", errno: result.errno) }
    }

    /// After the last turn.
    mutating func end(_ arena: inout BufferArena) {
        closeEverything(&arena)
        answerTheLast()
    }

    /// One turn of the loop: waits until something happens, and does what there is to do.
    mutating func turn(_ hand: inout RequestInHand, _ arena: inout BufferArena) {
        let sleep = schedule.ready.isEmpty ? millisecondsToNext() : 0
        let count = links.wait(milliseconds: sleep)
        let started = now
        if count == 0, sleep > 0 { recordWakeup(after: sleep) }
        for index in 0..<count {
            handle(links.event(index), of: count, &hand, &arena)
        }
        runReady(&hand, &arena)
        runTimers(&arena)
        if schedule.alarms.count > 0 { runAlarms(&arena) }
        if !schedule.roomInPools.isEmpty { serveQueues(&arena) }
        if schedule.isShortOfMemory { shedStalled(&arena) }
        recordTurn(since: started, arena)
    }

    /// - Parameter count: how many events there are in this turn.
    private mutating func handle(
        _ event: Poller.Event, of count: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        guard event.token >> 32 != 0 else { return handleOwn(event.token, of: count, &hand, &arena) }
        let handle = SlabHandle(token: event.token)
        guard let connection = connections.index(handle) else { return }
        connections[connection].link.note(event)
        proceed(connection, isWritable: event.isWritable, &hand, &arena)
    }

    private mutating func handleOwn(
        _ token: UInt64, of count: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        guard token == Self.mailboxToken else { return accept(at: Int(token), amid: count, &arena) }
        for message in neighbours.mailbox.takeAll() {
            if case .decided(let decision, let exchange, let number) = message {
                hear(decision, exchange: exchange, number: number, &hand, &arena)
                continue
            }
            let epoch = shared.epoch
            hear(message, &arena)
            // It has gone over to another snapshot.
            if shared.epoch != epoch { hand.fields.clientRules = settings.rules.clientFields }
        }
    }

    /// How long the loop may sleep, in milliseconds; -1 for as long as nothing happens.
    private mutating func millisecondsToNext() -> Int32 {
        let coarse = schedule.timers.millisecondsToNext(now: now)
        guard schedule.alarms.count > 0, let fine = schedule.alarms.millisecondsToNext(now: now) else {
            return coarse ?? -1
        }
        return min(fine, coarse ?? fine)
    }

    /// Does whatever a connection can do now.
    mutating func proceed(
        _ connection: Int, isWritable: Bool, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        switch connections[connection].phase {
        case .waiting, .readingHead: readRequest(connection, &hand, &arena)
        case .exchanging:
            let next = clientProceeds(connection, isWritable: isWritable, &arena)
            drive(Int(connections[connection].exchange), next, &arena)
        case .lingering: discardInput(connection, &arena)
        case .evicted: refuse(connection, .memoryLimit, &arena)
        case .connecting:
            let x = Int(connections[connection].exchange)
            drive(x, connectProceeds(connection, isWritable: isWritable, &arena), &arena)
        case .idle: idleUpstreamChanged(connection, &arena)
        case .held: heldUpstreamChanged(connection, &arena)
        case .leased:
            let x = Int(connections[connection].exchange)
            drive(x, upstreamProceeds(connection, isWritable: isWritable, &arena), &arena)
        }
    }

    private mutating func runReady(_ hand: inout RequestInHand, _ arena: inout BufferArena) {
        // Only those that were ready before: what they make ready waits for the next turn, so that nobody starves.
        let count = schedule.ready.count
        guard count > 0 else { return }
        for index in 0..<count {
            guard let connection = connections.index(schedule.ready[index]) else { continue }
            proceed(connection, isWritable: false, &hand, &arena)
        }
        schedule.ready.removeFirst(count)
    }

    /// Has the connection proceed in the next turn.
    mutating func makeReady(_ connection: Int) {
        schedule.ready.append(connections.handle(connection))
    }
}
