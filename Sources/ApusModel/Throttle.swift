/// Has what happens often told of seldom: the first of a cause at once, those that come in the pause after it together when
/// the pause is over. What is kept is told by an alarm, whether more comes or not: `takeDue` is to be called in time.
public struct Throttle<Cause: Hashable & Sendable, News: Sendable>: Sendable {
    /// What is to be told now.
    public struct Telling: Sendable {
        public let cause: Cause
        /// The latest of them.
        public let news: News
        public let count: Int
        /// The time over which they were counted, in microseconds; 0 for the first.
        public let time: Int64
    }

    /// The least time between two tellings of one cause, in microseconds.
    public let pause: Int64
    /// Causes whose pause is not over, and what is kept of them.
    private var entries: [Cause: Entry] = [:]
    /// How many times something was told: it orders what is due.
    private var tellings: UInt64 = 0

    private struct Entry {
        var toldAt: Int64
        /// Which telling that was.
        var number: UInt64
        var count = 0
        var news: News
    }

    public init(pause: Int64) { self.pause = pause }

    /// Whether nothing is known of any cause: no alarm is needed.
    public var isEmpty: Bool { entries.isEmpty }

    /// So many more of a cause.
    ///
    /// - Returns: what is to be told now; nil while its pause lasts.
    public mutating func note(_ cause: Cause, _ news: News, count: Int = 1, now: Int64) -> Telling? {
        guard var entry = entries[cause], now - entry.toldAt < pause || entry.count > 0 else {
            begin(cause, news, now)
            return Telling(cause: cause, news: news, count: count, time: 0)
        }
        entry.count += count
        entry.news = news
        entries[cause] = entry
        return now - entry.toldAt < pause ? nil : tell(cause, entry, now)
    }

    /// What is kept whose pause is over. A cause of which nothing came in its pause is forgotten.
    public mutating func takeDue(now: Int64) -> [Telling] {
        let due = entries.filter { now - $0.value.toldAt >= pause }
        for (cause, entry) in due where entry.count == 0 { entries[cause] = nil }
        return due.filter { $0.value.count > 0 }.sorted { $0.value.number < $1.value.number }
            .map { tell($0.key, $0.value, now) }
    }

    /// All that is kept, before its time. Every cause is forgotten.
    public mutating func takeAll(now: Int64) -> [Telling] {
        let kept = entries.filter { $0.value.count > 0 }.sorted { $0.value.number < $1.value.number }
        entries = [:]
        return kept.map {
            Telling(cause: $0.key, news: $0.value.news, count: $0.value.count, time: now - $0.value.toldAt)
        }
    }

    /// How many are kept of a cause, which something else tells of.
    public mutating func take(_ cause: Cause) -> Int {
        defer { entries[cause]?.count = 0 }
        return entries[cause]?.count ?? 0
    }

    /// Causes have other names now; those that have none are forgotten.
    public mutating func rename(_ name: (Cause) -> Cause?) {
        let renamed = entries.compactMap { old, entry in name(old).map { ($0, entry) } }
        entries = Dictionary(renamed) { first, _ in first }
    }

    private mutating func tell(_ cause: Cause, _ entry: Entry, _ now: Int64) -> Telling {
        begin(cause, entry.news, now)
        return Telling(cause: cause, news: entry.news, count: entry.count, time: now - entry.toldAt)
    }

    private mutating func begin(_ cause: Cause, _ news: News, _ now: Int64) {
        tellings += 1
        entries[cause] = Entry(toldAt: now, number: tellings, news: news)
    }
}

extension Throttle.Telling: Equatable where News: Equatable {}
