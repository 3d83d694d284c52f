/// One modelled origin: what it works on, what queues inside it, and what is wrong with it.
///
/// It is told what reaches it and returns what becomes of it; the simulation does the rest.
struct SimulatedOrigin: Sendable {
    enum Mode: Sendable {
        case serving
        /// Its process is gone: connections are refused, and what was open is reset.
        case dead
        /// Its process has stopped: the system still accepts connections, and nothing answers.
        case hung
        /// Packets to it are dropped: nothing comes back.
        case unreachable
    }

    /// What becomes of a request that reaches it.
    enum Reception: Sendable {
        /// Work on it begins now.
        case starts
        /// It waits inside the origin.
        case waits
        /// It is answered with an error at once, without work.
        case error
        /// The connection is reset: nobody is there.
        case reset
        /// Nothing: it did not get there.
        case lost
    }

    let capacity: Int
    private(set) var mode = Mode.serving
    /// How many times longer than usual its work takes.
    var slowness = 1.0
    /// The share of requests that are answered with an error, 0 to 1.
    var errorShare = 0.0
    private var working: [SlotHandle] = []
    private var waiting: [SlotHandle] = []
    private var firstWaiting = 0
    /// Work that was done while it hung, and is answered when it goes on.
    private var heldBack: [SlotHandle] = []

    init(capacity: Int) { self.capacity = capacity }

    /// How long work that begins now takes.
    func duration(of demand: VirtualTime) -> VirtualTime { max(1, VirtualTime(Double(demand) * slowness)) }

    /// A request has reached it.
    ///
    /// - Parameter luck: the request's own, above 0 and up to 1: below the share of errors it meets one.
    mutating func received(_ attempt: SlotHandle, luck: Double) -> Reception {
        switch mode {
        case .dead: return .reset
        case .unreachable: return .lost
        case .serving where luck <= errorShare: return .error
        case .serving where working.count < capacity:
            working.append(attempt)
            return .starts
        case .serving, .hung:
            waiting.append(attempt)
            return .waits
        }
    }

    /// The time of its work on a request is over. False: it is answered later, or never.
    mutating func workEnded(_ attempt: SlotHandle) -> Bool {
        guard let place = working.firstIndex(of: attempt) else {
            preconditionFailure("work ended that had not begun")
        }
        working.swapAt(place, working.count - 1)
        working.removeLast()
        guard mode == .serving else {
            heldBack.append(attempt)
            return false
        }
        return true
    }

    /// The next request to work on, if there is one and room for it.
    mutating func takeWaiting() -> SlotHandle? {
        guard mode == .serving, working.count < capacity, firstWaiting < waiting.count else { return nil }
        let attempt = waiting[firstWaiting]
        firstWaiting += 1
        if firstWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            firstWaiting = 0
        } else if firstWaiting > 1024, firstWaiting * 2 > waiting.count {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
        working.append(attempt)
        return attempt
    }

    /// Its process is killed. Returns the requests that it had, whose connections are reset.
    mutating func kill() -> [SlotHandle] {
        mode = .dead
        defer {
            working = []
            waiting = []
            heldBack = []
            firstWaiting = 0
        }
        return working + waiting[firstWaiting...] + heldBack
    }

    /// Its process is stopped (SIGSTOP).
    mutating func hang() { mode = .hung }

    /// From now on packets to and from it are dropped. What it works on is answered when it can be reached again.
    mutating func cutOff() { mode = .unreachable }

    /// It serves again, as well as on its first day. Returns what it had finished as it hung, which is answered now.
    mutating func revive() -> [SlotHandle] {
        mode = .serving
        slowness = 1
        errorShare = 0
        defer { heldBack = [] }
        return heldBack
    }
}
