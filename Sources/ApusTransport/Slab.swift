import CApusSystem

/// A name for a slot of a slab that outlives what it named: a late event for a slot that was reused is recognised.
@frozen
public struct SlabHandle: Sendable, Equatable, BitwiseCopyable {
    public let index: Int32
    public let generation: UInt32

    @inlinable
    public init(index: Int32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    /// The handle that was made a `token`.
    @inlinable @inline(__always)
    public init(token: UInt64) {
        index = Int32(truncatingIfNeeded: token)
        generation = UInt32(truncatingIfNeeded: token >> 32)
    }

    /// The handle as one number, for what keeps numbers: the poller, the timer wheel. At least 2^32, since the generation of
    /// a slot in use is odd.
    @inlinable @inline(__always)
    public var token: UInt64 { UInt64(generation) << 32 | UInt64(UInt32(bitPattern: index)) }
}

/// Connections and exchanges, side by side in memory that never moves and costs nothing until it is used.
///
/// Elements are plain bits: no reference counting can hide in them. Freed slots are reused last in, first out, so
/// that they are still in the cache. Used by one thread.
@safe
public struct Slab<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline
    struct Slot {
        @usableFromInline var element: Element
        /// Odd while the slot is in use; one more each time it is taken or freed.
        @usableFromInline var generation: UInt32
        /// The next free slot, while this one is free.
        @usableFromInline var nextFree: Int32
    }

    @usableFromInline let slots: UnsafeMutablePointer<Slot>
    /// How many elements fit.
    public let capacity: Int
    @usableFromInline var firstFree: Int32 = -1
    /// Slots that were ever used; those behind it are untouched memory.
    @usableFromInline var used: Int32 = 0
    @usableFromInline var elementCount = 0

    /// How many elements there are.
    @inlinable public var count: Int { elementCount }

    public init(capacity: Int) {
        let bytes = MemoryLayout<Slot>.stride * capacity
        guard let base = unsafe apus_reserve(bytes) else { fatalError("no address space for \(capacity) slots") }
        unsafe slots = base.bindMemory(to: Slot.self, capacity: capacity)
        self.capacity = capacity
    }

    deinit { unsafe apus_unreserve(slots, MemoryLayout<Slot>.stride * capacity) }

    /// The element in a slot that is in use.
    @inlinable
    public subscript(index: Int) -> Element {
        unsafeAddress {
            precondition(index >= 0 && index < Int(used))
            return unsafe UnsafePointer(UnsafeMutableRawPointer(slots + index).assumingMemoryBound(to: Element.self))
        }
        unsafeMutableAddress {
            precondition(index >= 0 && index < Int(used))
            return unsafe UnsafeMutableRawPointer(slots + index).assumingMemoryBound(to: Element.self)
        }
    }

    /// Stores `element`; nil when the slab is full.
    @inlinable
    public mutating func insert(_ element: Element) -> Int? {
        let index: Int
        if firstFree >= 0 {
            index = Int(firstFree)
            firstFree = unsafe slots[index].nextFree
        } else {
            guard Int(used) < capacity else { return nil }
            index = Int(used)
            used += 1
        }
        unsafe slots[index].element = element
        unsafe slots[index].generation &+= 1
        elementCount += 1
        return index
    }

    /// Frees a slot that is in use; every handle to it becomes stale.
    @inlinable
    public mutating func remove(_ index: Int) {
        precondition(isUsed(index))
        unsafe slots[index].generation &+= 1
        unsafe slots[index].nextFree = firstFree
        firstFree = Int32(truncatingIfNeeded: index)
        elementCount -= 1
    }

    @inlinable
    public func handle(_ index: Int) -> SlabHandle {
        precondition(index >= 0 && index < Int(used))
        return unsafe SlabHandle(
            index: Int32(truncatingIfNeeded: index), generation: slots[index].generation)
    }

    /// The index that `handle` names, unless its slot was freed since.
    @inlinable
    public func index(_ handle: SlabHandle) -> Int? {
        let index = Int(handle.index)
        guard index >= 0, index < Int(used) else { return nil }
        return unsafe slots[index].generation == handle.generation ? index : nil
    }

    /// Whether the slot holds an element.
    @inlinable
    public func isUsed(_ index: Int) -> Bool {
        guard index >= 0, index < Int(used) else { return false }
        return unsafe slots[index].generation & 1 == 1
    }

    /// One past the highest index ever used, for walking over all elements with `isUsed`.
    @inlinable public var indexBound: Int { Int(used) }
}
