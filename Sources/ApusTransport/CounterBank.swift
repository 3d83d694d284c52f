import CApusSystem
public import Synchronization

/// Counters of one worker: written by that worker alone, read by anybody.
///
/// Counting is an ordinary load, add and store (relaxed, and nobody else writes), so it costs no locked instruction.
/// A reader may see a counter a moment late, never torn.
@safe
public final class CounterBank: Sendable {
    @usableFromInline nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<UInt64>>
    public let count: Int

    /// All of them zero. Those that are never touched take no memory.
    public init(count: Int) {
        self.count = count
        unsafe slots = zeros(count)
    }

    deinit { unsafe apus_unreserve(slots, max(1, count) * MemoryLayout<Atomic<UInt64>>.stride) }

    /// Adds to a counter. Only for the owning worker.
    @inlinable
    public func add(_ amount: UInt64 = 1, to slot: Int) {
        precondition(slot >= 0 && slot < count)
        let value = unsafe slots[slot].load(ordering: .relaxed)
        unsafe slots[slot].store(value &+ amount, ordering: .relaxed)
    }

    /// Sets a gauge. Only for the owning worker.
    @inlinable
    public func set(_ slot: Int, to value: UInt64) {
        precondition(slot >= 0 && slot < count)
        unsafe slots[slot].store(value, ordering: .relaxed)
    }

    @inlinable
    public func value(_ slot: Int) -> UInt64 {
        precondition(slot >= 0 && slot < count)
        return unsafe slots[slot].load(ordering: .relaxed)
    }

    /// Takes over counters of another bank, or of another place of this one that does not overlap: `count` of them, from
    /// `start` on, to `slot`. Only for the worker that owns both.
    public func copy(_ count: Int, from start: Int, of other: CounterBank, to slot: Int) {
        precondition(count >= 0 && start >= 0 && start <= other.count - count)
        precondition(slot >= 0 && slot <= self.count - count)
        // SAFETY: both stretches are within their banks.
        for offset in 0..<count {
            unsafe slots[slot + offset].store(
                other.slots[start + offset].load(ordering: .relaxed), ordering: .relaxed)
        }
    }
}

/// This many zeros, of which each page takes memory when something of it is first changed.
///
/// SAFETY: an atomic integer is as large as the integer, holds nothing else and needs no end; the system's pages are zero
/// and aligned for anything.
private func zeros<Value: AtomicRepresentable>(_ count: Int) -> UnsafeMutablePointer<Atomic<Value>> {
    let bytes = max(1, count) * MemoryLayout<Atomic<Value>>.stride
    guard let base = unsafe apus_reserve(bytes) else { fatalError("no address space for \(count) counters") }
    return unsafe base.bindMemory(to: Atomic<Value>.self, capacity: count)
}

/// Counts that all workers change: requests in flight per endpoint, connections per listener.
///
/// Each has a cache line of its own, so that workers that count different things do not slow each other down.
@safe
public final class SharedCounts: Sendable {
    @usableFromInline static let stride = 8
    @usableFromInline nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<Int>>
    public let count: Int

    public init(count: Int) {
        self.count = count
        unsafe slots = zeros(count * Self.stride)
    }

    deinit { unsafe apus_unreserve(slots, max(1, count * Self.stride) * MemoryLayout<Atomic<Int>>.stride) }

    /// Adds and returns the new count.
    @inlinable @discardableResult
    public func add(_ amount: Int, to slot: Int) -> Int {
        precondition(slot >= 0 && slot < count)
        return unsafe slots[slot * Self.stride].add(amount, ordering: .relaxed).newValue
    }

    @inlinable
    public func value(_ slot: Int) -> Int {
        precondition(slot >= 0 && slot < count)
        return unsafe slots[slot * Self.stride].load(ordering: .relaxed)
    }
}
