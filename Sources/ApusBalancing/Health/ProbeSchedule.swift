/// When which endpoint is probed next: many endpoints, smoothly spread, each with at most one probe in flight.
///
/// The caller asks for what is due, starts those probes and says when each has finished, however it ended; a probe that
/// hangs keeps only its own endpoint waiting. Endpoints are named by index. Times are microseconds of the clock that
/// the caller uses throughout. Cost: logarithmic in the number of endpoints; nothing is allocated after `init`.
///
/// - The first round is quick, so that a start is followed by knowledge: one endpoint every 10 ms, or all within a
///   second (or their interval, if shorter) when there are more than that allows.
/// - The second round spreads them over the whole interval, so that thousands of endpoints make a steady trickle and
///   not a burst of one second in every five. No endpoint waits longer than its interval for it.
/// - From then on probes start one interval after the one before, moved at random by up to a tenth of it, so that
///   several balancers, or endpoints on one machine, fall out of step.
///
/// The interval is the same whether an endpoint is up or down. Probing faster while it is down would bring it back
/// sooner, but then `rise: 2` at `interval: 5s` would not mean what it says, and an origin that starts under pressure
/// would be asked most when it can answer least. An interval of its own for that is a setting to add, not to imply.
public struct ProbeSchedule: Sendable {
    private struct Probe: Comparable {
        var due: Int64
        var endpoint: Int32

        /// By time; at the same time by index, so that a run can be repeated exactly.
        static func < (one: Probe, other: Probe) -> Bool {
            (one.due, one.endpoint) < (other.due, other.endpoint)
        }
    }

    private struct Timing {
        var interval: Int64
        var isFirst: Bool
        /// Where in a round the endpoint stands, in 1/2^20 of the round.
        var phase: Int64
        /// When its next probe is due, decided when the present one started; nil while none is in flight.
        var next: Int64?
    }

    private static let phases: Int64 = 1 << 20
    private static let firstRoundLimit: Int64 = 1_000_000
    private static let firstRoundSpacing: Int64 = 10_000

    private var waiting: BinaryHeap<Probe>
    private var timings: [Timing]
    private var random: SplitMix64

    /// - Parameters:
    ///   - intervals: of each endpoint, in microseconds, at least 1; nil for one that is not probed.
    ///   - now: when the first round begins.
    public init(intervals: [Int64?], now: Int64, seed: UInt64) {
        random = SplitMix64(seed: seed)
        timings = []
        timings.reserveCapacity(intervals.count)
        let probed = intervals.count { $0 != nil }
        waiting = BinaryHeap(minimumCapacity: probed)
        var position: Int64 = 0
        for (endpoint, interval) in intervals.enumerated() {
            var timing = Timing(interval: max(1, interval ?? 1), isFirst: true, phase: 0)
            if interval != nil {
                let jitter = Int64(random.next(below: Int(Self.phases)))
                timing.phase = (position * Self.phases + jitter) / Int64(probed)
                position += 1
                let quick = min(Self.firstRoundLimit, timing.interval, Int64(probed) * Self.firstRoundSpacing)
                waiting.insert(Probe(due: now + quick * timing.phase / Self.phases, endpoint: Int32(endpoint)))
            }
            timings.append(timing)
        }
    }

    /// When the next probe is due; nil while every endpoint's probe is in flight.
    public var nextDue: Int64? { waiting.first?.due }

    /// Takes one endpoint whose probe is due: to be probed now, and told `finished` when that is over. Nil when no
    /// other is due.
    public mutating func takeDue(now: Int64) -> Int? {
        guard let probe = waiting.first, probe.due <= now else { return nil }
        waiting.removeFirst()
        let endpoint = Int(probe.endpoint)
        let interval = timings[endpoint].interval
        // Counted from when it was due, so that being late by a moment does not add up. After a standstill of the whole
        // process everything is due at once; drawing anew keeps it from staying so.
        let isStandstill = now - probe.due >= interval
        timings[endpoint].next =
            isStandstill ? now + 1 + Int64(random.next(below: Int(interval))) : probe.due + pause(after: endpoint)
        return endpoint
    }

    /// The endpoint's probe is over. One that took longer than the interval is followed by the next at once.
    public mutating func finished(_ endpoint: Int, now: Int64) {
        guard let next = timings[endpoint].next else {
            preconditionFailure("a probe of endpoint \(endpoint) finished that was not in flight")
        }
        timings[endpoint].next = nil
        waiting.insert(Probe(due: max(now, next), endpoint: Int32(endpoint)))
    }

    /// The time from the start of the endpoint's probe to the start of its next one.
    private mutating func pause(after endpoint: Int) -> Int64 {
        let interval = timings[endpoint].interval
        guard timings[endpoint].isFirst else {
            let jitter = interval / 10
            return interval - jitter + Int64(random.next(below: Int(2 * jitter + 1)))
        }
        timings[endpoint].isFirst = false
        // From its phase of the first second to its phase of the interval that follows.
        let quick = min(Self.firstRoundLimit, interval)
        return quick + (interval - quick) * timings[endpoint].phase / Self.phases
    }
}
