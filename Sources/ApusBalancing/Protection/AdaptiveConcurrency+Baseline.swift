extension AdaptiveConcurrency {
    /// How long answers take without load, as far as it is known.
    struct Baseline: Sendable, BitwiseCopyable {
        /// In microseconds; 0 until the first window has ended.
        var latency = 0.0
        /// Whether it is known to be free of waiting: measured, or found the same under twice the load. The limit does not
        /// grow before.
        var isTrusted = false
        /// The load under which it was seen first: the most requests in flight.
        private var load = 0.0
        /// Windows since answers began to take longer than tolerated, without one that took about as long as it says.
        var doubtfulWindows = 0
        /// The slowest of these windows, and its load.
        private var slowest = 0.0
        private var slowestLoad = 0.0

        mutating func saw(_ seen: Seen, tolerance: Double) {
            guard latency > 0 else {
                latency = seen.mean
                load = seen.peak
                return
            }
            if seen.mean < latency {
                // By a tenth of the way: a second of cheap requests must not make all others look slow.
                latency += (seen.mean - latency) / 10
                load = min(load, seen.peak)
            }
            if isNear(seen.mean) {
                doubtfulWindows = 0
                if seen.peak >= 2 * load { isTrusted = true }
            } else if doubtfulWindows > 0 || isExceeded(by: seen, tolerance: tolerance) {
                doubtfulWindows += 1
                compare(seen)
            }
        }

        /// Learns from the limit's shrinking: half the load, and answers as slow as before, is slowness of the origins'
        /// own. Where it was waiting, they would be twice as quick. Only at once after they became slow, when all workers
        /// have shrunk alike: later, one worker's shrinking by chance would prove nothing.
        private mutating func compare(_ seen: Seen) {
            guard doubtfulWindows <= 5 else { return }
            if doubtfulWindows == 1 || seen.mean > slowest {
                slowest = seen.mean
                slowestLoad = seen.peak
            } else if seen.peak * 2 <= slowestLoad {
                if seen.mean > 0.9 * slowest { return measured(seen.mean) }
                slowest = seen.mean
                slowestLoad = seen.peak
            }
        }

        mutating func measured(_ mean: Double) {
            latency = mean
            isTrusted = true
            doubtfulWindows = 0
        }

        func isExceeded(by seen: Seen, tolerance: Double) -> Bool { seen.lowerBound > tolerance * latency }

        func isNear(_ mean: Double) -> Bool { mean <= 1.1 * latency }
    }

    /// A measurement of the baseline that is going on.
    struct Measurement: Sendable, BitwiseCopyable {
        /// The limit and the latency before it began.
        var limit = 0.0
        var mean = 0.0
        /// The latency under the limit before the last halving; 0 in the first step.
        var lastMean = 0.0
        /// When the present step is given up: the origins answer too little, or nothing.
        var giveUpAt: Int64 = 0
        /// Which stretch of `spacing` intervals the last window ended in.
        var stretch: Int64 = 0
    }

    /// Measurements begin where a stretch of so many intervals does, by the clock that all workers share, if the limit is
    /// used just then or answers have been doubtful for half as long.
    private static var spacing: Int64 { 20 }
    /// Fewer latencies than this are not measured by.
    private static var leastCount: Int { 30 }
    /// Intervals after which a step is given up.
    private static var patience: Int64 { 10 }

    mutating func measureIfDue(_ seen: Seen, now: Int64) {
        let stretch = now / (interval * Self.spacing)
        defer { measurement.stretch = stretch }
        // A worker that takes waiting for the origins' own latency has no doubts, but its limit is used.
        let isInUse = isUsed(seen) && exactLimit < maximum
        let isDue = isInUse || Int64(baseline.doubtfulWindows) >= Self.spacing / 2
        // It has never been used so far, and may be much too high: how slow is slow must be known before it grows.
        let isUnknown = !baseline.isTrusted && isUsed(seen)
        guard isUnknown || (isDue && stretch != measurement.stretch) else { return }
        measurement.limit = exactLimit
        measurement.mean = seen.mean
        lowerLimit(from: min(exactLimit, seen.peak), mean: 0, now: now)
    }

    /// A step: half the limit, and answers to requests that are let in once it is kept.
    private mutating func lowerLimit(from limit: Double, mean: Double, now: Int64) {
        measurement.lastMean = mean
        setLimit(limit / 2)
        phase = .draining
        countsFrom = .max
        measurement.giveUpAt = now + Self.patience * max(interval, Int64(measurement.mean))
        windowEnd = measurement.giveUpAt
        if running <= highLimit { startSampling(now: now) }
    }

    private mutating func startSampling(now: Int64) {
        phase = .sampling
        startWindow(now: now)
        countsLetIn = now
        // Several answers' time first, or mostly the quickest would be heard.
        countsFrom = now + 4 * Int64(baseline.latency)
        windowEnd = countsFrom + max(interval / 4, 4 * Int64(baseline.latency))
        measurement.giveUpAt = windowEnd + Self.patience * max(interval, Int64(measurement.mean))
    }

    mutating func measurementWindowEnded(now: Int64) {
        if phase == .draining {
            if running <= highLimit {
                startSampling(now: now)
            } else if now >= measurement.giveUpAt {
                endMeasurement(now: now)
            }
            return
        }
        guard sample.count >= Self.leastCount else {
            if now >= measurement.giveUpAt { endMeasurement(now: now) }
            return
        }
        // Uneven answers are watched for longer, as far as that is bearable.
        if !sample.isSure && now - windowEnd < interval / 2 { return }
        let mean = sample.mean
        // The first step has nothing to be compared with: what was before may have been on its way up or down.
        if exactLimit > minimum && (measurement.lastMean == 0 || mean < 0.9 * measurement.lastMean) {
            return lowerLimit(from: exactLimit, mean: mean, now: now)
        }
        baseline.measured(measurement.lastMean == 0 ? mean : (mean + min(measurement.lastMean, 1.1 * mean)) / 2)
        // Back to the limit from before, or straight to what the gradient makes of it.
        measurement.limit *= min(1, tolerance * baseline.latency / measurement.mean)
        endMeasurement(now: now)
    }

    private mutating func endMeasurement(now: Int64) {
        phase = .watching
        setLimit(measurement.limit)
        startWindow(now: now)
        countsFrom = now + Int64(measurement.mean)
        countsLetIn = now
    }
}
