/// Names one use of a slot: a late event that names an earlier use is recognised by its generation.
struct SlotHandle: Hashable, Sendable, BitwiseCopyable {
    var index: Int32
    var generation: UInt32

    var position: Int { Int(index) }
}

/// Values that come and go, in slots that are used again.
struct Slots<Element: Sendable>: Sendable {
    private var elements: [Element?] = []
    private var generations: [UInt32] = []
    private var free: [Int32] = []

    /// Slots in use.
    var count: Int { elements.count - free.count }

    mutating func insert(_ element: Element) -> SlotHandle {
        guard let index = free.popLast() else {
            elements.append(element)
            generations.append(0)
            return SlotHandle(index: Int32(elements.count - 1), generation: 0)
        }
        elements[Int(index)] = element
        return SlotHandle(index: index, generation: generations[Int(index)])
    }

    mutating func remove(_ handle: SlotHandle) {
        precondition(contains(handle), "a slot was emptied twice")
        elements[handle.position] = nil
        generations[handle.position] &+= 1
        free.append(handle.index)
    }

    /// Whether what the handle names is still there.
    func contains(_ handle: SlotHandle) -> Bool {
        handle.position < generations.count && generations[handle.position] == handle.generation
            && elements[handle.position] != nil
    }

    /// The present use of a slot.
    func handle(at index: Int32) -> SlotHandle { SlotHandle(index: index, generation: generations[Int(index)]) }

    /// The handles of all slots in use, by position.
    var handles: [SlotHandle] {
        elements.indices.filter { elements[$0] != nil }.map { handle(at: Int32($0)) }
    }

    subscript(handle: SlotHandle) -> Element {
        _read {
            precondition(generations[handle.position] == handle.generation, "a slot was read after its end")
            yield elements[handle.position]!
        }
        _modify {
            precondition(generations[handle.position] == handle.generation, "a slot was changed after its end")
            yield &elements[handle.position]!
        }
    }
}
