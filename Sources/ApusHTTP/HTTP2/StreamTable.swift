/// The streams of a connection that somebody still works for, found by their numbers.
///
/// Streams have slots, which keep their places: others may have tables beside this one. A slot is free again when nobody works for
/// its stream any more, which may be later than the stream's end: what the peer makes others do counts until it is over.
struct StreamTable: ~Copyable {
    private var slots: [HTTP2Stream] = []
    private var free: [UInt16] = []
    /// By number: a slot, or none. Numbers that follow each other lie side by side, so that there is seldom a second look. A power
    /// of two, at least twice as many as there are slots.
    private var places: [UInt16] = []
    private static let none = UInt16.max

    private(set) var count = 0

    subscript(slot: Int) -> HTTP2Stream {
        get { slots[slot] }
        set { slots[slot] = newValue }
    }

    private func place(of id: UInt32) -> Int { Int(truncatingIfNeeded: id &>> 1) & (places.count &- 1) }

    /// The slot that a handle names, if its stream is still worked for.
    func slot(_ handle: StreamHandle) -> Int? {
        handle.slot < slots.count && slots[handle.slot].id == handle.id ? handle.slot : nil
    }

    func handle(_ slot: Int) -> StreamHandle { StreamHandle(slot: slot, id: slots[slot].id) }

    func slot(of id: UInt32) -> Int? {
        guard count > 0 else { return nil }
        var place = place(of: id)
        while places[place] != Self.none {
            let slot = Int(places[place])
            if slots[slot].id == id { return slot }
            place = (place &+ 1) & (places.count &- 1)
        }
        return nil
    }

    mutating func insert(_ stream: HTTP2Stream) -> Int {
        if 2 * (count + 1) > places.count { grow() }
        let slot: Int
        if let last = free.popLast() {
            slot = Int(last)
            slots[slot] = stream
        } else {
            slot = slots.count
            slots.append(stream)
        }
        count += 1
        enter(slot)
        return slot
    }

    private mutating func enter(_ slot: Int) {
        var place = place(of: slots[slot].id)
        while places[place] != Self.none { place = (place &+ 1) & (places.count &- 1) }
        places[place] = UInt16(slot)
    }

    private mutating func grow() {
        places = Array(repeating: Self.none, count: max(8, 2 * places.count))
        for slot in slots.indices where slots[slot].id != 0 { enter(slot) }
    }

    mutating func remove(_ slot: Int) {
        var place = place(of: slots[slot].id)
        while Int(places[place]) != slot { place = (place &+ 1) & (places.count &- 1) }
        // Those behind it move up, so that no look ends too early.
        var next = (place &+ 1) & (places.count &- 1)
        while places[next] != Self.none {
            let home = self.place(of: slots[Int(places[next])].id)
            let distance = (next &- home) & (places.count &- 1)
            if distance >= (next &- place) & (places.count &- 1) {
                places[place] = places[next]
                place = next
            }
            next = (next &+ 1) & (places.count &- 1)
        }
        places[place] = Self.none
        slots[slot].id = 0
        count -= 1
        if count == 0 {
            // An idle connection keeps nothing.
            slots.removeAll()
            free.removeAll()
            places.removeAll()
        } else {
            free.append(UInt16(slot))
        }
    }

    /// Changes what may be received on each stream.
    mutating func widenReceiving(by delta: Int32) {
        for slot in slots.indices where slots[slot].id != 0 { slots[slot].receiveWindow += delta }
    }

    /// Changes what may be sent on each stream; false where one would be allowed more than there are numbers for.
    mutating func widen(by delta: Int64) -> Bool {
        for slot in slots.indices where slots[slot].id != 0 {
            let window = Int64(slots[slot].sendWindow) + delta
            guard window <= Int64(Int32.max) else { return false }
            slots[slot].sendWindow = Int32(max(window, Int64(Int32.min)))
        }
        return true
    }
}
