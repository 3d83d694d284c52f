/// What is going to happen, by time; at the same time in the order in which it was scheduled, so that a run can be
/// repeated exactly.
///
/// A binary heap: scheduling costs a constant on average, taking the next a logarithm of what is scheduled.
struct EventQueue<Event: BitwiseCopyable & Sendable>: Sendable {
    private struct Entry: BitwiseCopyable, Sendable {
        var time: VirtualTime
        var sequence: UInt64
        var event: Event

        static func precedes(_ one: Entry, _ other: Entry) -> Bool {
            one.time == other.time ? one.sequence < other.sequence : one.time < other.time
        }
    }

    private var entries: [Entry] = []
    private var scheduled: UInt64 = 0

    var isEmpty: Bool { entries.isEmpty }
    /// When the next event happens; nil when there is none.
    var nextTime: VirtualTime? { entries.first?.time }

    mutating func schedule(_ event: Event, at time: VirtualTime) {
        let entry = Entry(time: time, sequence: scheduled, event: event)
        scheduled += 1
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Entry.precedes(entry, entries[parent]) else { break }
            entries[child] = entries[parent]
            child = parent
        }
        entries[child] = entry
    }

    /// Takes the next event; nil when there is none.
    mutating func takeNext() -> (time: VirtualTime, event: Event)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        let count = entries.count
        guard count > 0 else { return (first.time, first.event) }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < count else { break }
            if child + 1 < count, Entry.precedes(entries[child + 1], entries[child]) { child += 1 }
            guard Entry.precedes(entries[child], last) else { break }
            entries[parent] = entries[child]
            parent = child
        }
        entries[parent] = last
        return (first.time, first.event)
    }
}
