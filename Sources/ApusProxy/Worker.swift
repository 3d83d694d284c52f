import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// One worker: an event loop with everything that its requests need, on a thread of its own.
///
/// It accepts, and each request lives and dies here; nothing on the request path is shared with another worker but a
/// few counts. The methods are grouped by the story of a request: accepting, requests, attempts, responses, endings.
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
    let index: Int
    // What a reload changes.
    var shared: SharedState
    var settings: WorkerSettings
    var counters: CounterBank
    /// Nil without an access log.
    var log: AccessLogWriter?
    let mailbox: Mailbox<WorkerMessage>
    /// The other workers' mailboxes.
    let others: [Mailbox<WorkerMessage>]
    /// Draws the requests that are logged where not all are.
    var sampling: SplitMix64

    /// What moves bytes, and the clock.
    var links: Links
    var connections: Slab<Connection>
    var exchanges: Slab<Exchange>
    var timers: TimerWheel
    /// By slot of exchange, whatever is in it: the tick of the wheel's entry for its deadline.
    var exchangeTicks: [Int64] = []
    /// What exchanges wait for: the end of a pause, a place, an attempt's time limit.
    var alarms: TimerWheel
    /// The pools, as this worker has them.
    var origins: Origins<CountsOfAll>
    /// Endpoints to which the latest connect failed.
    var hasFailed: [Bool]
    /// The fields of the response's head that is in hand, and of the trailers parsed last.
    var responseFields = FieldTable()
    var trailers = FieldTable()
    /// What will be the next chunk of a chunked body.
    var chunk = ChunkRanges()
    /// The sockets on which it accepts, each at the place that its token says; nil where one was closed.
    var listeners: [ListeningSocket?]
    /// Listeners that a reload removed, while they have clients.
    var retirements: [Retirement] = []
    /// What other workers said that have gone over to a snapshot that this one has not got yet.
    var earlyMessages: [WorkerMessage] = []
    /// Where pools and their endpoints went at the latest reload, for what others said before it; nil for the endpoints of
    /// those that it left alone.
    var latestPools: Renaming?
    var latestMembers: [Renaming?] = []
    /// The Date of the responses that Apus makes.
    var date = DateField()
    /// Decides where chance does: among a route's pools.
    var chance: SplitMix64
    /// Connections that have something to do and will see no event for it.
    var ready: [SlabHandle] = []
    /// Pools in which something has ended while requests wait; each as often as that happened.
    var roomInPools: [Int] = []
    /// When the turn of the loop before this one ended.
    var turnEnded: Int64
    var clientCount = 0
    /// Clients whose connections linger.
    var lingererCount = 0
    /// The slot at which the search for memory goes on, and whether it was in vain in this turn.
    var reclaimHand = 0
    var isShortOfMemory = false
    /// When connections are cut; `.max` while not draining.
    var drainDeadline = Int64.max
    var isDraining: Bool { drainDeadline != .max }
    var isStopped = false

    init(
        index: Int, shared: SharedState, settings: WorkerSettings, counters: CounterBank,
        mailbox: Mailbox<WorkerMessage>, others: [Mailbox<WorkerMessage>], listeners: [ListeningSocket],
        log: AccessLogWriter?,
        links: consuming Links
    ) {
        let now = links.now
        let seed = UInt64(truncatingIfNeeded: links.wallClock())
        self.index = index
        self.shared = shared
        self.settings = settings
        self.counters = counters
        self.mailbox = mailbox
        self.others = others
        self.listeners = listeners
        self.log = log
        sampling = SplitMix64(seed: seed &+ UInt64(index))
        self.links = links
        connections = Slab(capacity: Self.slabCapacity)
        exchanges = Slab(capacity: Self.slabCapacity)
        turnEnded = now
        chance = SplitMix64(seed: seed &+ UInt64(index) << 32)
        timers = TimerWheel(now: now)
        alarms = TimerWheel(now: now, tickShift: TimerWheel.fine)
        let snapshot = shared.snapshot
        origins = Origins(
            of: snapshot, worker: index, seed: seed, loads: CountsOfAll(shared.loads),
            poolLoads: CountsOfAll(shared.poolLoads), waiting: CountsOfAll(shared.waiting), now: now)
        hasFailed = snapshot.endpoints.map { _ in false }
        responseFields.clientRules = settings.rules.clientFields
        trailers.clientRules = settings.rules.clientFields
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
        counters.set(shared.layout.worker(.threadNumber), to: UInt64(threadNumber()))
        var arena = BufferArena(limit: shared.snapshot.limits.bufferBytesPerWorker)
        var hand = RequestInHand(place: Stretch())
        try begin(&hand)
        while !isStopped { turn(&hand, &arena) }
        end(&arena)
    }

    /// Before the first turn.
    mutating func begin(_ hand: inout RequestInHand) throws(SystemError) {
        hand.fields.clientRules = settings.rules.clientFields
        for (place, listener) in listeners.enumerated() {
            guard let listener else { continue }
            let result = links.listen(at: listener.socket, token: UInt64(place))
            guard !result.isFailure else { throw SystemError(call: "epoll_ctl", errno: result.errno) }
        }
        let result = links.hear(mailbox, token: Self.mailboxToken)
        guard !result.isFailure else { throw SystemError(call: "epoll_ctl", errno: result.errno) }
    }

    /// After the last turn.
    mutating func end(_ arena: inout BufferArena) {
        closeEverything(&arena)
        answerTheLast()
    }

    /// One turn of the loop: waits until something happens, and does what there is to do.
    mutating func turn(_ hand: inout RequestInHand, _ arena: inout BufferArena) {
        let sleep = ready.isEmpty ? millisecondsToNext() : 0
        let count = links.wait(milliseconds: sleep)
        let started = now
        if count == 0, sleep > 0 { recordWakeup(after: sleep) }
        for index in 0..<count {
            handle(links.event(index), of: count, &hand, &arena)
        }
        runReady(&hand, &arena)
        runTimers(&arena)
        if alarms.count > 0 { runAlarms(&arena) }
        if !roomInPools.isEmpty { serveQueues(&arena) }
        if isShortOfMemory { shedStalled(&arena) }
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
        for message in mailbox.takeAll() {
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
        let coarse = timers.millisecondsToNext(now: now)
        guard alarms.count > 0, let fine = alarms.millisecondsToNext(now: now) else { return coarse ?? -1 }
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
        let count = ready.count
        guard count > 0 else { return }
        for index in 0..<count {
            guard let connection = connections.index(ready[index]) else { continue }
            proceed(connection, isWritable: false, &hand, &arena)
        }
        ready.removeFirst(count)
    }

    /// Has the connection proceed in the next turn.
    mutating func makeReady(_ connection: Int) {
        ready.append(connections.handle(connection))
    }
}
