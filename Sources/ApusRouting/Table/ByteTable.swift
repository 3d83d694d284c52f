/// Numbers by an owner and bytes: a hash table in two flat arrays, in which the longest search has a bound.
struct ByteTable: Sendable {
    private struct Slot {
        var tag: UInt32 = 0
        var owner: UInt32 = 0
        var start: UInt32 = 0
        var count: UInt32 = 0
        /// 0 where the slot is free.
        var value: UInt32 = 0
    }

    struct Key: Hashable {
        var owner: UInt32
        var bytes: [UInt8]

        // An array would feed its bytes one by one.
        func hash(into hasher: inout Hasher) {
            hasher.combine(owner)
            hasher.combine(bytes.reduce(ByteTable.seed) { ByteTable.hash($0, $1) })
        }
    }

    private let slots: [Slot]
    private let text: [UInt8]
    private let shift: UInt64

    /// How many slots are looked at for one key, at most: nobody who chooses what is looked up can make it longer.
    private static let searchLimit = 16

    /// - Parameters:
    ///   - entries: each key with its number, which is not 0.
    ///   - hash: of a key's bytes, as it will be when they are looked up.
    init(_ entries: [Key: UInt32], hash: ([UInt8]) -> UInt64) {
        var text: [UInt8] = []
        let keys = entries.map { key, value in
            defer { text += key.bytes }
            let mixed = Self.mix(key.owner, hash(key.bytes))
            return (
                mixed,
                Slot(
                    tag: UInt32(truncatingIfNeeded: mixed), owner: key.owner, start: UInt32(text.count),
                    count: UInt32(key.bytes.count), value: value)
            )
        }
        self.text = text
        var bits = 1
        while 1 << bits < 2 * keys.count { bits += 1 }
        while true {
            if let slots = Self.place(keys, bits: bits) {
                self.slots = slots
                shift = UInt64(64 - bits)
                return
            }
            bits += 1
        }
    }

    private static func place(_ keys: [(mixed: UInt64, slot: Slot)], bits: Int) -> [Slot]? {
        var slots = Array(repeating: Slot(), count: 1 << bits)
        for key in keys {
            var index = Int(key.mixed >> UInt64(64 - bits))
            var steps = 1
            while slots[index].value != 0 {
                index = (index + 1) & (slots.count - 1)
                steps += 1
            }
            // Hashes that are the same in full cannot be told apart by more room.
            if steps > searchLimit, bits < 26 { return nil }
            slots[index] = key.slot
        }
        return slots
    }

    /// The number of the key with that owner, whose bytes hash to `hash`, are `count`, and of which `isEqual` holds; 0 if
    /// there is none.
    @inline(__always)
    func find(_ owner: UInt32, _ hash: UInt64, count: Int, isEqual: (Span<UInt8>) -> Bool) -> UInt32 {
        let mixed = Self.mix(owner, hash)
        let slots = slots.span
        var index = Int(truncatingIfNeeded: mixed &>> shift)
        while true {
            let slot = slots[index]
            if slot.value == 0 { return 0 }
            if slot.tag == UInt32(truncatingIfNeeded: mixed), slot.owner == owner, Int(slot.count) == count,
                isEqual(text.span.extracting(Int(slot.start)..<Int(slot.start) &+ count))
            {
                return slot.value
            }
            index = (index &+ 1) & (slots.count &- 1)
        }
    }

    // MARK: Hashing, a byte at a time

    static let seed: UInt64 = 0xcbf2_9ce4_8422_2325

    @inline(__always)
    static func hash(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    @inline(__always)
    private static func mix(_ owner: UInt32, _ hash: UInt64) -> UInt64 {
        let mixed = (hash ^ UInt64(owner) &* 0x9e37_79b9_7f4a_7c15) &* 0xbf58_476d_1ce4_e5b9
        return (mixed ^ mixed &>> 29) &* 0x94d0_49bb_1331_11eb
    }
}
