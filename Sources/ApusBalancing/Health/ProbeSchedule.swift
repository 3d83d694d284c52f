public import ApusModel

/// When which endpoint is probed next: many endpoints, smoothly spread, each with at most one probe in flight.
///
/// The caller asks for what is due, starts those probes and says when each has finished, however it ended; a probe that
/// hangs keeps only its own endpoint waiting. Endpoints are named by index. Times are microseconds of the clock that
/// the caller uses throughout. Cost: logarithmic in the number of endpoints; nothing is allocated after `init`.
///
/// - The first round is quick, so that a start is followed by knowledge: one endpoint every 10 ms, or all within their
///   interval when there are more than that allows. It is never a burst: a machine that is busy starting would fail it.
/// - An endpoint of which no probe has passed yet is probed each second, if its interval is longer, for half a minute: an
///   origin that starts a second late is used a second later.
/// - The second round spreads them over the whole interval, so that thousands of endpoints make a steady trickle and
///   not a burst of one second in every five. No endpoint waits longer than its interval for it.
/// - From then on probes start one interval after the one before, moved at random by up to a tenth of it, so that
///   several balancers, or endpoints on one machine, fall out of step.
///
/// An endpoint may have another interval while it is down or unknown: shorter, to have it back sooner, or longer, to
/// leave an origin in peace that starts under pressure. It is the same unless configured: nothing is implied. A change to
/// the shorter interval counts at once; one to the longer is spread over it as the second round is, so that a thousand
/// endpoints that come back together do not stay together.
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
        var isProbed: Bool
        /// While it is up, and while it is down or unknown.
        var upInterval: Int64
        var downInterval: Int64
        /// From which the present pause was made; nil before the second round.
        var interval: Int64?
        /// Where in a round the endpoint stands, in 1/2^20 of the round.
        var phase: Int64
        /// How long its first round is, and when that began.
        var firstRound: Int64 = 1
        var began: Int64 = 0
        /// When its probe in flight was due to start; nil while none is in flight.
        var started: Int64?
        /// When the next one is due whatever the interval says.
        var drawn: Int64?
        /// When its next probe is due: entries of the heap with another time are of no meaning any more.
        var due: Int64

        /// Of an endpoint that is not probed: no entry of the heap is its.
        static let none = Timing(isProbed: false, upInterval: 1, downInterval: 1, phase: 0, due: .min)
    }

    private static let phases: Int64 = 1 << 20
    private static let firstRoundSpacing: Int64 = 10_000
    /// From probe to probe of what has not passed any, and for how long after its first round.
    private static let eagerInterval: Int64 = 1_000_000
    private static let eagerTime: Int64 = 30_000_000

    private var waiting: BinaryHeap<Probe>
    private var timings: [Timing]
    private var random: SplitMix64
    /// Within that time who was ejected is asked: of thousands a thousand a second.
    private var soon: Int64 { max(100_000, Int64(timings.count) * 1_000) }

    /// - Parameters:
    ///   - intervals: of each endpoint, in microseconds, at least 1; nil for one that is not probed.
    ///   - downIntervals: of each endpoint while it is down or unknown; nil, or none given, for the same.
    ///   - now: when the first round begins.
    public init(intervals: [Int64?], downIntervals: [Int64?] = [], now: Int64, seed: UInt64) {
        random = SplitMix64(seed: seed)
        timings = []
        timings.reserveCapacity(intervals.count)
        let probed = intervals.count { $0 != nil }
        waiting = BinaryHeap(minimumCapacity: probed)
        var position: Int64 = 0
        for (endpoint, interval) in intervals.enumerated() {
            let up = max(1, interval ?? 1)
            let down = endpoint < downIntervals.count ? downIntervals[endpoint] : nil
            timings.append(
                Timing(
                    isProbed: interval != nil, upInterval: up, downInterval: max(1, down ?? up), phase: 0, due: 0))
            guard interval != nil else { continue }
            begin(endpoint, at: position, of: Int64(probed), now: now)
            position += 1
        }
    }

    /// The schedule after a reload. Endpoints that live on are probed when they were to be, or sooner if their interval
    /// has become shorter, and their probes in flight are so still; the first round of those that are new begins now.
    ///
    /// - Parameter endpoints: where the endpoints were, and where they are.
    public init(
        intervals: [Int64?], downIntervals: [Int64?] = [], now: Int64, succeeding old: ProbeSchedule,
        endpoints: Renaming
    ) {
        self = old
        adopt(
            endpoints, changed: Array(intervals.indices),
            intervals: { (intervals[$0], $0 < downIntervals.count ? downIntervals[$0] : nil) }, now: now)
    }

    /// Goes over to what is there after a reload: as by `init(succeeding:)`, for those endpoints that may have another
    /// interval than before. The others go on as they were. Costs what they are, and a few steps for each of the rest if
    /// endpoints have come or gone.
    ///
    /// - Parameters:
    ///   - endpoints: where the endpoints were, and where they are.
    ///   - changed: those whose intervals may have changed, or that are new, in ascending order.
    ///   - intervals: of an endpoint, as for `init`.
    public mutating func adopt(
        _ endpoints: Renaming, changed: [Int], intervals: (Int) -> (up: Int64?, down: Int64?), now: Int64
    ) {
        if !endpoints.isIdentity {
            endpoints.carry(&timings) { _ in Timing.none }
            waiting.replace { probe in
                endpoints.toNew[Int(probe.endpoint)].map {
                    Probe(due: probe.due, endpoint: Int32(truncatingIfNeeded: $0))
                }
            }
        }
        var new: [Int] = []
        for endpoint in changed {
            let (interval, downInterval) = intervals(endpoint)
            guard let up = interval.map({ max(1, $0) }) else {
                timings[endpoint] = Timing.none
                continue
            }
            let down = downInterval.map { max(1, $0) } ?? up
            if timings[endpoint].isProbed {
                goOn(endpoint, upInterval: up, downInterval: down, now: now)
            } else {
                timings[endpoint] = Timing(isProbed: true, upInterval: up, downInterval: down, phase: 0, due: 0)
                new.append(endpoint)
            }
        }
        for (position, endpoint) in new.enumerated() {
            begin(endpoint, at: Int64(position), of: Int64(new.count), now: now)
        }
    }

    private mutating func begin(_ endpoint: Int, at position: Int64, of count: Int64, now: Int64) {
        let jitter = Int64(random.next(below: Int(Self.phases)))
        let phase = (position * Self.phases + jitter) / count
        let quick = min(timings[endpoint].upInterval, count * Self.firstRoundSpacing)
        timings[endpoint].phase = phase
        timings[endpoint].firstRound = quick
        timings[endpoint].began = now
        plan(endpoint, at: now + quick * phase / Self.phases)
    }

    private mutating func goOn(_ endpoint: Int, upInterval: Int64, downInterval: Int64, now: Int64) {
        let old = timings[endpoint]
        timings[endpoint].upInterval = upInterval
        timings[endpoint].downInterval = downInterval
        guard let before = old.interval else { return }
        let isDown = before == old.downInterval && before != old.upInterval
        let interval = isDown ? downInterval : upInterval
        guard interval < before else { return }
        // Somewhere within it: a thousand endpoints whose interval becomes shorter must not come together.
        let due = min(old.due, now + 1 + Int64(random.next(below: Int(interval))))
        timings[endpoint].interval = interval
        if old.started == nil, due < old.due { plan(endpoint, at: due) }
    }

    /// Whether a probe of the endpoint is in flight.
    public func isUnderWay(_ endpoint: Int) -> Bool { timings[endpoint].started != nil }

    /// When to ask for what is due, which may be sooner than there is something; nil while every endpoint's probe is in
    /// flight.
    public var nextDue: Int64? { waiting.first?.due }

    /// Takes one endpoint whose probe is due: to be probed now, and told `finished` when that is over. Nil when no
    /// other is due.
    public mutating func takeDue(now: Int64) -> Int? {
        while let probe = waiting.first, probe.due <= now {
            waiting.removeFirst()
            let endpoint = Int(probe.endpoint)
            guard timings[endpoint].started == nil, timings[endpoint].due == probe.due else { continue }
            // Counted from when it was due, so that being late by a moment does not add up. After a standstill of the
            // whole process everything is due at once; drawing anew keeps it from staying so.
            let interval = timings[endpoint].interval ?? timings[endpoint].upInterval
            let isStandstill = now - probe.due >= interval
            timings[endpoint].drawn = isStandstill ? now + 1 + Int64(random.next(below: Int(interval))) : nil
            timings[endpoint].started = probe.due
            return endpoint
        }
        return nil
    }

    /// The endpoint's probe is over. One that took longer than the interval is followed by the next at once.
    ///
    /// - Parameters:
    ///   - isUp: what is known now: the next interval is that for endpoints that are up, or the other.
    ///   - hasPassed: whether any of its probes has passed.
    public mutating func finished(_ endpoint: Int, isUp: Bool = true, hasPassed: Bool = true, now: Int64) {
        guard let started = timings[endpoint].started else {
            preconditionFailure("a probe of endpoint \(endpoint) finished that was not in flight")
        }
        timings[endpoint].started = nil
        let next = started + pause(after: endpoint, isUp: isUp, hasPassed: hasPassed, now)
        plan(endpoint, at: max(now, timings[endpoint].drawn ?? next))
    }

    /// The endpoint went down between two probes: its next is no later than the interval of those that are down says,
    /// and somewhere within it, since what takes one down between probes may take many. One that was ejected is asked soon:
    /// what sees the fault sees its end.
    ///
    /// To be told once each time it goes down: the heap keeps one entry more until the probe that was planned was due.
    public mutating func wentDown(_ endpoint: Int, isEjected: Bool = false, hasPassed: Bool = true, now: Int64) {
        let interval = interval(of: endpoint, isUp: false, hasPassed: hasPassed, now)
        let due = now + 1 + Int64(random.next(below: Int(isEjected ? min(interval, soon) : interval)))
        guard timings[endpoint].started == nil, due < timings[endpoint].due else { return }
        timings[endpoint].interval = interval
        plan(endpoint, at: due)
    }

    private mutating func plan(_ endpoint: Int, at due: Int64) {
        timings[endpoint].due = due
        waiting.insert(Probe(due: due, endpoint: Int32(endpoint)))
    }

    /// The endpoint's interval as things stand.
    private func interval(of endpoint: Int, isUp: Bool, hasPassed: Bool, _ now: Int64) -> Int64 {
        let timing = timings[endpoint]
        let usual = isUp ? timing.upInterval : timing.downInterval
        guard !hasPassed, now - timing.began - timing.firstRound < Self.eagerTime else { return usual }
        // Of thousands no more at once than in their first round.
        return min(usual, max(Self.eagerInterval, timing.firstRound))
    }

    /// The time from the start of the endpoint's probe to the start of its next one.
    private mutating func pause(after endpoint: Int, isUp: Bool, hasPassed: Bool, _ now: Int64) -> Int64 {
        let timing = timings[endpoint]
        let interval = interval(of: endpoint, isUp: isUp, hasPassed: hasPassed, now)
        timings[endpoint].interval = interval
        let before = timing.interval ?? max(timing.firstRound, min(Self.eagerInterval, timing.upInterval))
        if interval > before || (timing.interval == nil && interval == before) {
            // From its phase of the shorter round to its phase of the longer one that follows.
            return before + (interval - before) * timing.phase / Self.phases
        }
        let jitter = interval / 10
        return interval - jitter + Int64(random.next(below: Int(2 * jitter + 1)))
    }
}
