import ApusTransport

/// The room of what is due: deadlines and alarms, and what is left to do in this turn or the next.
struct Schedule: ~Copyable {
    /// Deadlines of connections and exchanges.
    var timers: TimerWheel
    /// By slot of exchange, whatever is in it: the tick of the wheel's entry for its deadline.
    var exchangeTicks: [Int64] = []
    /// What exchanges wait for: the end of a pause, a place, an attempt's time limit.
    var alarms: TimerWheel
    /// Connections that have something to do and will see no event for it.
    var ready: [SlabHandle] = []
    /// Pools in which something has ended while requests wait; each as often as that happened.
    var roomInPools: [Int] = []
    /// Whether a search for memory was in vain in this turn, and the slot at which the next one goes on.
    var isShortOfMemory = false
    var reclaimHand = 0
    /// When the turn of the loop before this one ended.
    var turnEnded: Int64
    /// The loop ends with this turn.
    var isStopped = false

    init(now: Int64) {
        timers = TimerWheel(now: now)
        alarms = TimerWheel(now: now, tickShift: TimerWheel.fine)
        turnEnded = now
    }
}
