/// How a simulation went over time, in slots of equal length.
public struct Series: Sendable {
    public struct Slot: Sendable {
        public var begin: VirtualTime
        /// Requests that ended, and those of them that ended badly.
        public var requests = 0
        public var errors = 0
        /// In microseconds; nil when no request ended.
        public var median: VirtualTime?
        public var percentile99: VirtualTime?
        /// Attempts that began, by endpoint.
        public var attempts: [Int32]
    }

    /// The length of a slot, in microseconds.
    public let slotLength: VirtualTime
    public private(set) var slots: [Slot] = []
    private var open: Slot
    private var latency = Histogram()

    init(endpoints: Int, duration: VirtualTime) {
        slotLength = max(100_000, duration / 120)
        open = Slot(begin: 0, attempts: Array(repeating: 0, count: endpoints))
    }

    mutating func attemptStarted(_ endpoint: Int) { open.attempts[endpoint] += 1 }

    mutating func requestEnded(after time: VirtualTime, isError: Bool) {
        latency.record(time)
        if isError { open.errors += 1 }
    }

    /// The present slot is over at `now`, and the next one begins.
    mutating func closeSlot(now: VirtualTime) {
        open.requests = latency.count
        open.median = latency.percentile(0.5)
        open.percentile99 = latency.percentile(0.99)
        slots.append(open)
        open = Slot(begin: now, attempts: Array(repeating: 0, count: open.attempts.count))
        latency.removeAll()
    }
}
