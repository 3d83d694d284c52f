/// How long each endpoint of a group takes to answer, as one worker has seen it lately.
///
/// An exponentially weighted moving average over time, not over answers: after `tau`, 10 s, what was known counts for
/// 1/e of what it did, whether one answer came in between or a million. Times are until the response begins.
///
/// - While this worker has nothing in flight on an endpoint, its time decays too, so that one that was slow is tried
///   again after a while; what is in flight then counts with the time that is known undecayed, so that it gets one try
///   and not a flood.
/// - An endpoint without any answer is tried at once. While that is in flight, it counts as if it took as long as the
///   group does on average (1 ms while nothing is known of that either).
///
/// Cost: a few steps per question and per answer; no call of the system's mathematics.
public struct ResponseTimes: Sendable {
    /// How an answer changes what is known.
    public enum Average: Sendable {
        /// Answers that took longer and such that took less count alike.
        case mean
        /// An answer that took longer than what is known replaces it at once; those that took less bring it down slowly.
        case peaks
    }

    @usableFromInline
    struct Record: Sendable, BitwiseCopyable {
        /// 0 while the endpoint has never answered.
        @usableFromInline var microseconds = 0.0
        /// When that was so.
        @usableFromInline var at: Int64 = 0
        /// Exchanges of this worker that wait for an answer or receive it.
        @usableFromInline var waiting: Int32 = 0
    }

    /// Microseconds after which what was known counts for 1/e.
    @inlinable static var tau: Double { 10_000_000 }
    /// What an unknown endpoint counts with in a group that has never answered, in microseconds.
    @inlinable static var presumed: Double { 1_000 }

    @usableFromInline let average: Average
    @usableFromInline var records: [Record]
    /// Over the answers of all endpoints, in microseconds; 0 before the first.
    @usableFromInline var groupMean = 0.0

    public init(_ average: Average, count: Int) {
        self.average = average
        records = Array(repeating: Record(), count: count)
    }

    /// What the endpoint is expected to take now, in microseconds; 0 if it should be tried.
    @inlinable
    public func expected(_ index: Int, now: Int64) -> Double {
        let record = records[index]
        if record.waiting == 0 { return record.microseconds * Self.remaining(after: now &- record.at) }
        if record.microseconds > 0 { return record.microseconds }
        return groupMean > 0 ? groupMean : Self.presumed
    }

    @inlinable
    public mutating func started(_ index: Int) {
        records[index].waiting &+= 1
    }

    @inlinable
    public mutating func ended(_ index: Int) {
        if records[index].waiting > 0 { records[index].waiting &-= 1 }
    }

    /// The endpoint has answered, so many microseconds after it was asked.
    ///
    /// - Parameter isFailure: the answer was a failure, or there was none. It then counts as if it had taken no less than
    ///   answers of the group do on average: whoever fails at once must not look fast, and draw everybody's traffic.
    @inlinable
    public mutating func answered(_ index: Int, after microseconds: Int64, isFailure: Bool = false, now: Int64) {
        // Two events of one turn of the worker's loop happen at the same time; nobody answers in none.
        let measured = Double(max(1, microseconds))
        let sample = isFailure ? max(measured, groupMean, records[index].microseconds) : measured
        let known = records[index].microseconds
        let share = Self.remaining(after: now &- records[index].at)
        if known == 0 || (average == .peaks && sample > known * share) {
            records[index].microseconds = sample
        } else {
            records[index].microseconds = known * share + sample * (1 - share)
        }
        records[index].at = now
        groupMean = groupMean == 0 ? sample : groupMean + (sample - groupMean) / 64
    }

    /// e to the power of -elapsed / tau, to within 1 in 10,000.
    @inlinable
    static func remaining(after elapsed: Int64) -> Double {
        // In powers of two: the whole ones are an exponent, the fraction is a Taylor series of six terms.
        let halvings = Double(max(0, elapsed)) * (1.442_695_040_888_963_4 / tau)
        guard halvings < 64 else { return 0 }
        let whole = Int64(halvings)
        let x = (halvings - Double(whole)) * -0.693_147_180_559_945_3
        let fraction = 1 + x * (1 + x * (0.5 + x * (1.0 / 6 + x * (1.0 / 24 + x * (1.0 / 120 + x / 720)))))
        return Double(sign: .plus, exponent: -Int(whole), significand: fraction)
    }
}
