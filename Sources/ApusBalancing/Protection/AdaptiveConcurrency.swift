public import ApusModel

/// A limit on the requests that one worker has in flight in one pool, found by watching how long answers take.
///
/// Requests beyond what the origins can work on at once only wait, there or here; how many that is nobody knows, and it
/// changes. What can be seen is the waiting: answers take longer than they do without load. So, once per interval:
///
/// - answers took up to `tolerancePercent` longer than the baseline, and the limit was used: it grows by its square root;
/// - they took longer than that: the requests in flight are multiplied by the gradient, tolerated latency over latency,
///   and by no less than a half;
/// - the limit was not used: it stays, for nothing was learned about it.
///
/// The gradient is that of Netflix's concurrency-limits (gradient2) and of Envoy's adaptive concurrency filter. They
/// differ in the baseline. An average over minutes, as in gradient2, takes an overload that lasts for the new normal, and
/// the limit runs away; a minimum measured every minute at three requests in flight, as in Envoy, refuses nearly
/// everything each time. Here the baseline falls with every interval that is quicker, and rises only when **measured**
/// (`AdaptiveConcurrency+Baseline.swift`): when answers have been too slow for a while, the limit is halved, for a quarter
/// of an interval or a few answers' time, and halved again as long as that makes them quicker. What remains is the
/// origins' own latency. So an overload that lasts costs a percent or two of throughput to know it for what it is, and
/// an origin that has become slower for good is found out, as in BBR's probing for the round trip's minimum.
///
/// Requests of low priority are let in up to four fifths of the limit, those of high priority up to six fifths: when there
/// are too many, the low ones are refused first, and the limit itself is used by all.
///
/// Each worker finds its own limit, with its share of the configured bounds; the measurements of all workers on a clock
/// fall together, since each alone could not empty what all fill. `admit` and `ended` cost a few nanoseconds and allocate
/// nothing. Choose it for origins whose capacity is unknown or changes; where it is known, a fixed limit is calmer.
public struct AdaptiveConcurrency: Sendable {
    @usableFromInline
    enum Phase: UInt8, Sendable, BitwiseCopyable {
        /// Watching, interval by interval.
        case watching
        /// Measuring the baseline: waiting until no more requests are in flight than the lowered limit allows.
        case draining
        /// Measuring the baseline: watching answers under the lowered limit.
        case sampling
    }

    // The rules, for this worker.
    let minimum: Double
    let maximum: Double
    let interval: Int64
    let tolerance: Double

    @usableFromInline var running = 0
    @usableFromInline var phase = Phase.watching
    /// The limit with its fraction; the whole numbers that requests are held to follow from it.
    var exactLimit: Double
    @usableFromInline var lowLimit = 0
    @usableFromInline var normalLimit = 0
    @usableFromInline var highLimit = 0

    /// What was seen in this window: an interval, or longer if there was little to see.
    @usableFromInline var sample = LatencySample()
    /// The most requests in flight in this window.
    @usableFromInline var peak = 0
    @usableFromInline var windowEnd: Int64 = 0
    var windowStart: Int64
    /// Only answers that come after this count, and only of requests let in after `countsLetIn`: so that the effect of a
    /// lower limit is waited for, and not only the quickest answers are heard.
    @usableFromInline var countsFrom: Int64
    @usableFromInline var countsLetIn: Int64

    var baseline = Baseline()
    var measurement = Measurement()

    /// - Parameter workers: how many share the initial limit and its bounds, each share rounded up.
    public init(_ rules: ConcurrencyRules, workers: Int, now: Int64) {
        minimum = Double(WorkerShare.roundedUp(rules.minimum, of: workers))
        maximum = max(minimum, Double(WorkerShare.roundedUp(rules.maximum, of: workers)))
        interval = max(1_000, rules.interval.inMicroseconds)
        tolerance = 1 + Double(max(1, rules.tolerancePercent)) / 100
        exactLimit = min(maximum, max(minimum, Double(WorkerShare.roundedUp(rules.initial, of: workers))))
        windowStart = now
        countsFrom = now
        countsLetIn = now
        setLimit(exactLimit)
        startWindow(now: now)
    }

    /// The limit in force for requests of normal priority; lowered while the baseline is measured.
    @inlinable
    public var limit: Int { normalLimit }

    /// Requests let in that have not ended.
    @inlinable
    public var inFlight: Int { running }

    /// The latency without load, as far as it is known, in microseconds; 0 at first.
    public var unloadedLatency: Int64 { Int64(baseline.latency) }

    // MARK: A reload

    /// Goes on with what was known before a reload, within the bounds that there are now.
    ///
    /// - Parameters:
    ///   - old: nil when there was no such limit.
    ///   - running: requests let in that have not ended.
    mutating func inherit(from old: AdaptiveConcurrency?, running: Int, now: Int64) {
        self.running = running
        peak = running
        guard let old else { return }
        if minimum == old.minimum, maximum == old.maximum, interval == old.interval, tolerance == old.tolerance {
            self = old
            return
        }
        baseline = old.baseline
        // A measurement that was going on is given up: the limit is what it was before.
        let limit = old.phase == .watching ? old.exactLimit : old.measurement.limit
        setLimit(min(maximum, max(minimum, limit)))
        startWindow(now: now)
        countsFrom = now
        countsLetIn = now
    }

    // MARK: Requests

    /// Lets a request in, or does not. One that is let in must be told of by `ended`.
    @inlinable
    public mutating func admit(_ priority: Priority, now: Int64) -> Bool {
        if now >= windowEnd { windowEnded(now: now) }
        let limit =
            switch priority {
            case .low: lowLimit
            case .normal: normalLimit
            case .high: highLimit
            }
        guard running < limit else { return false }
        running += 1
        if running > peak { peak = running }
        return true
    }

    /// A request that was let in is over.
    ///
    /// - Parameter latency: how long its response took to begin since it was let in, in microseconds; an attempt that
    ///   timed out counts with the time that it took. Nil if it told nothing: a refused connection, a client that left.
    @inlinable
    public mutating func ended(latency: Int64?, now: Int64) {
        precondition(running > 0, "a request ended that had not been let in")
        running -= 1
        if let latency, now >= countsFrom, now - latency >= countsLetIn { sample.add(latency) }
        if now >= windowEnd || phase == .draining { windowEnded(now: now) }
    }

    // MARK: Windows

    /// Fewer latencies than this say nothing.
    private static let leastCount = 10
    /// A window without enough of them is given up after so many intervals.
    private static let patience: Int64 = 10

    @usableFromInline
    mutating func windowEnded(now: Int64) {
        guard phase == .watching else { return measurementWindowEnded(now: now) }
        guard sample.count >= Self.leastCount else {
            if now - windowStart > Self.patience * interval && now >= countsFrom { return startWindow(now: now) }
            windowEnd = nextBorder(now: now)
            return
        }
        let seen = Seen(mean: sample.mean, lowerBound: sample.lowerBound, peak: Double(peak))
        baseline.saw(seen, tolerance: tolerance)
        adjust(to: seen, now: now)
        startWindow(now: now)
        measureIfDue(seen, now: now)
    }

    /// What a window has shown.
    struct Seen {
        /// Latencies in microseconds.
        var mean: Double
        var lowerBound: Double
        var peak: Double
    }

    private mutating func adjust(to seen: Seen, now: Int64) {
        if baseline.isExceeded(by: seen, tolerance: tolerance) {
            guard seen.peak * 2 >= exactLimit else { return }
            let gradient = max(0.5, tolerance * baseline.latency / seen.mean)
            let lower = min(exactLimit, seen.peak) * min(1, gradient)
            guard lower < exactLimit else { return }
            setLimit(lower)
            // Nothing is known of its effect until requests let in under it have been answered.
            countsLetIn = now
            countsFrom = now + 2 * Int64(seen.mean)
        } else if baseline.isTrusted && isUsed(seen) {
            setLimit(exactLimit + exactLimit.squareRoot())
        }
    }

    /// Whether the window came near the limit; nearer than low priority can keep it away.
    func isUsed(_ seen: Seen) -> Bool { seen.peak * 4 >= exactLimit * 3 }

    mutating func setLimit(_ limit: Double) {
        exactLimit = min(maximum, max(minimum, limit))
        normalLimit = Int(exactLimit)
        // Apart from each other even when small; but a request of low priority that is alone always gets in.
        lowLimit = max(1, min(normalLimit - 1, normalLimit * 4 / 5))
        highLimit = max(normalLimit + 1, (normalLimit * 6 + 4) / 5)
    }

    mutating func startWindow(now: Int64) {
        sample = LatencySample()
        peak = running
        windowStart = now
        windowEnd = nextBorder(now: now)
    }

    /// Windows end at whole multiples of the interval, so that all workers look, and measure, at the same time.
    private func nextBorder(now: Int64) -> Int64 {
        let border = (now / interval + 1) * interval
        return border - now < interval / 2 ? border + interval : border
    }
}
