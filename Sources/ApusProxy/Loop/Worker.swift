import ApusExchange
import ApusModel
import ApusTransport

/// One worker: an event loop on a thread of its own, with everything that its requests need.
///
/// It waits, accepts, and hands each event to whom it concerns; nothing on the request path is shared with another worker
/// but a few counts. What connections say, and what becomes of it, is the proxy's business.
struct Worker: ~Copyable {
    /// Connections and what happens on them.
    var proxy: Proxy
    var doors: Doors
    /// When the turn of the loop before this one ended.
    var turnEnded: Int64
    /// The loop ends with this turn.
    var isStopped = false

    init(
        index: Int, shared: SharedState, settings: WorkerSettings, counters: CounterBank,
        mailbox: Mailbox<WorkerMessage>, others: [Mailbox<WorkerMessage>], listeners: [ListeningSocket],
        log: AccessLogWriter?,
        links: consuming Links
    ) {
        turnEnded = links.now
        proxy = Proxy(
            neighbours: Neighbours(
                index: index, mailbox: mailbox, others: others, endpoints: shared.snapshot.endpoints.count),
            shared: shared, settings: settings, counters: counters, log: log, links: links)
        doors = Doors(listeners)
    }

    /// Large bodies that may move through pipes at once; others are copied.
    static let pipeLimit = 512
    /// Events' tokens below 2^32 are the worker's own: its listeners by place, and this.
    static let mailboxToken: UInt64 = 0xffff_ffff
}

extension Worker {
    /// Runs until stopped or drained.
    mutating func run() throws(SystemError) {
        proxy.records.counters.set(proxy.shared.layout.worker(.threadNumber), to: UInt64(threadNumber()))
        var arena = BufferArena(limit: proxy.shared.snapshot.limits.bufferBytesPerWorker)
        var hand = RequestInHand(place: Stretch())
        try begin(&hand)
        while !isStopped { turn(&hand, &arena) }
        end(&arena)
    }

    /// Before the first turn.
    mutating func begin(_ hand: inout RequestInHand) throws(SystemError) {
        proxy.prepare(&hand)
        for (place, listener) in doors.listeners.enumerated() {
            guard let listener else { continue }
            let result = proxy.connections.links.listen(at: listener.socket, token: UInt64(place))
            guard !result.isFailure else { throw SystemError(call: "epoll_ctl", errno: result.errno) }
        }
        let result = proxy.connections.links.hear(proxy.neighbours.mailbox, token: Self.mailboxToken)
        guard !result.isFailure else { throw SystemError(call: "epoll_ctl", errno: result.errno) }
    }

    /// After the last turn.
    mutating func end(_ arena: inout BufferArena) {
        for place in doors.listeners.indices { close(place, acceptingQueue: false, &arena) }
        proxy.closeEverything(&arena)
        proxy.tellAll()
        answerTheLast()
    }

    /// One turn of the loop: waits until something happens, and does what there is to do.
    mutating func turn(_ hand: inout RequestInHand, _ arena: inout BufferArena) {
        let sleep = proxy.connections.ready.isEmpty ? proxy.schedule.millisecondsToNext(now: proxy.now) : 0
        let count = proxy.connections.links.wait(milliseconds: sleep)
        let started = proxy.now
        if count == 0, sleep > 0 { recordWakeup(after: sleep) }
        // Those that wait for their turn go first.
        let areWaiting = !proxy.connections.ready.isEmpty
        proxy.clients.handshakeSteps = areWaiting ? 0 : Clients.handshakeStepsAtOnce
        for index in 0..<count {
            handle(proxy.connections.links.event(index), of: count, &hand, &arena)
        }
        if areWaiting { proxy.clients.handshakeSteps = Clients.handshakeStepsAtOnce }
        proxy.runReady(&hand, &arena)
        runTimers(&arena)
        proxy.runDue(&arena)
        if proxy.clients.haveLeft { isStopped = true }
        recordTurn(since: started, arena)
    }

    /// - Parameter count: how many events there are in this turn.
    private mutating func handle(
        _ event: Poller.Event, of count: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        if event.token >> 32 != 0 {
            proxy.handle(event, &hand, &arena)
        } else if event.token == Self.mailboxToken {
            hearAll(&hand, &arena)
        } else {
            accept(at: Int(event.token), amid: count, &arena)
        }
    }

    private mutating func runTimers(_ arena: inout BufferArena) {
        while let (token, tick) = proxy.schedule.timers.popExpired(now: proxy.now) {
            switch token {
            case Schedule.wakeToken: break
            case Schedule.tellToken: proxy.tellDue()
            case ..<Schedule.exchangeTokens: resumeAccepting(Int(token))
            default: proxy.fire(token, tick, &arena)
            }
        }
        if proxy.now >= proxy.clients.deadline { isStopped = true }
        if !doors.retirements.isEmpty { cutRetired(&arena) }
    }
}
