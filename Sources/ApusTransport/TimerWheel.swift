import CApusSystem

/// A coarse timer wheel: many deadlines, of which few are ever reached.
///
/// Made for deadlines that move with every request. A connection stores its deadline itself and has one entry here;
/// when the entry fires and the deadline has moved on, the connection schedules it again. Setting a deadline later
/// thus costs nothing but a store. Deadlines are met late by up to one tick, never early. Used by one thread.
public struct TimerWheel: ~Copyable {
    /// A tick of 2^16 microseconds (66 ms): for deadlines that are there to be missed.
    @inlinable public static var coarse: Int64 { 16 }
    /// A tick of 2^10 microseconds (1 ms): for times that are waited for.
    @inlinable public static var fine: Int64 { 10 }

    /// A tick is two to the power of this, in microseconds.
    private let tickShift: Int64
    static let slotCount = 2048

    private struct Entry {
        var token: UInt64
        var tick: Int64
        var next: Int32
    }

    private var entries: [Entry] = []
    private var firstFree: Int32 = -1
    private var slots = [Int32](repeating: -1, count: slotCount)
    /// One bit per slot that has entries.
    private var occupied = [UInt64](repeating: 0, count: slotCount / 64)
    /// Every tick up to this one has fired.
    private var current: Int64
    /// Entries of the current slot that are still to be looked at.
    private var pending: Int32 = -1
    public private(set) var count = 0

    /// - Parameters:
    ///   - now: microseconds.
    ///   - tickShift: `coarse` or `fine`.
    public init(now: Int64, tickShift: Int64 = coarse) {
        self.tickShift = tickShift
        current = now &>> tickShift
    }

    /// The tick at which an entry for `deadline` fires: the first that is not before it.
    @inlinable @inline(__always)
    public static func tick(for deadline: Int64, shift: Int64 = coarse) -> Int64 {
        (deadline + ((1 &<< shift) &- 1)) &>> shift
    }

    /// Adds an entry that fires at `deadline` (microseconds) or, if that has passed, at the next tick.
    ///
    /// - Returns: the tick at which it fires.
    @discardableResult
    public mutating func schedule(_ token: UInt64, at deadline: Int64) -> Int64 {
        let tick = max(Self.tick(for: deadline, shift: tickShift), current + 1)
        let index = takeEntry(Entry(token: token, tick: tick, next: -1))
        link(index)
        count += 1
        return tick
    }

    /// The next token whose tick has come by `now`; nil when there is none left.
    public mutating func popExpired(now: Int64) -> (token: UInt64, tick: Int64)? {
        let target = now &>> tickShift
        while true {
            while pending >= 0 {
                let index = Int(pending)
                pending = entries[index].next
                if entries[index].tick > current {
                    // Comes round again: its deadline is further away than the wheel is long.
                    link(Int32(index))
                    continue
                }
                let entry = entries[index]
                entries[index].next = firstFree
                firstFree = Int32(index)
                count -= 1
                return (entry.token, entry.tick)
            }
            guard current < target else { return nil }
            if count == 0 {
                current = target
                return nil
            }
            current += 1
            unlinkSlot(Int(current) & (Self.slotCount - 1))
        }
    }

    /// How long the loop may sleep from `now`, in milliseconds: until the next slot with entries; nil without any.
    public func millisecondsToNext(now: Int64) -> Int32? {
        guard count > 0 else { return nil }
        var slot = Int(current + 1) & (Self.slotCount - 1)
        var step = 0
        while step < Self.slotCount {
            let word = occupied[slot >> 6] >> UInt64(slot & 63)
            if word != 0 {
                let due = (current + 1 + Int64(step + word.trailingZeroBitCount)) &<< tickShift
                return Int32(max(0, (due - now + 999) / 1_000))
            }
            let skipped = 64 - (slot & 63)
            slot = (slot + skipped) & (Self.slotCount - 1)
            step += skipped
        }
        return nil
    }

    private mutating func takeEntry(_ entry: Entry) -> Int32 {
        guard firstFree >= 0 else {
            entries.append(entry)
            return Int32(entries.count - 1)
        }
        let index = firstFree
        firstFree = entries[Int(index)].next
        entries[Int(index)] = entry
        return index
    }

    private mutating func link(_ index: Int32) {
        let slot = Int(entries[Int(index)].tick) & (Self.slotCount - 1)
        entries[Int(index)].next = slots[slot]
        slots[slot] = index
        occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    }

    private mutating func unlinkSlot(_ slot: Int) {
        pending = slots[slot]
        slots[slot] = -1
        occupied[slot >> 6] &= ~(1 << UInt64(slot & 63))
    }
}
