/// Deadlines that are all equally long, and therefore come due in the order in which they were set.
///
/// A first-in-first-out line instead of one event each: most deadlines never come true, and the event queue stays short.
struct DeadlineLine: Sendable {
    let length: VirtualTime
    /// Whether an event is scheduled for the first deadline.
    var isArmed = false
    private var entries: [(due: VirtualTime, handle: SlotHandle)] = []
    private var position = 0

    init(length: VirtualTime) { self.length = length }

    /// The deadline that comes first, and what it is for; nil when none is set.
    var first: (due: VirtualTime, handle: SlotHandle)? { position < entries.count ? entries[position] : nil }

    mutating func set(_ handle: SlotHandle, now: VirtualTime) {
        entries.append((now + length, handle))
    }

    mutating func removeFirst() {
        position += 1
        // Moved up now and then: a constant per deadline on average.
        if position > 1024, position * 2 > entries.count {
            entries.removeFirst(position)
            position = 0
        }
    }
}
