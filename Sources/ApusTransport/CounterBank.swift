public import Synchronization

/// Counters of one worker: written by that worker alone, read by anybody.
///
/// Counting is an ordinary load, add and store (relaxed, and nobody else writes), so it costs no locked instruction.
/// A reader may see a counter a moment late, never torn.
@safe
public final class CounterBank: Sendable {
    @usableFromInline nonisolated(unsafe) let slots: UnsafeMutablePointer<Atomic<UInt64>>
    public let count: Int

    public init(count: Int) {
        self.count = count
        unsafe slots = .allocate(capacity: count)
        for index in 0..<count { unsafe (slots + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe slots.deinitialize(count: count)
        unsafe slots.deallocate()
    }

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
        unsafe slots = .allocate(capacity: max(1, count) * Self.stride)
        for index in 0..<count * Self.stride { unsafe (slots + index).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe slots.deinitialize(count: count * Self.stride)
        unsafe slots.deallocate()
    }

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
