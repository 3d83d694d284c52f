/// Which endpoint had a session last, learned from a cookie that the application sets: a bounded table from the hash of
/// the cookie's value to an endpoint's index within the pool.
///
/// An entry lives until it has not been used for `lifetime`. At `capacity` the one that was used the longest ago gives up
/// its place. Every call takes constant time, amortised while the table grows; it grows by doubling from nothing, and
/// allocates nothing once it has its size: about 36 bytes per session.
///
/// Whether the endpoint still is there to go to is not known here: the pick looks (`PickRequest.session`). The hash must be
/// keyed with something that clients do not know: else they could make values whose hashes are alike, which costs time.
public struct LearnedSessions: Sendable {
    public private(set) var capacity: Int
    /// Sessions that are known at present, those that have ended since the last call included.
    public private(set) var count = 0
    /// Microseconds.
    private var lifetime: Int64

    private var entries: [Entry] = []
    /// The first entry of each chain; -1 for none. A power of two of them, or none at all.
    private var chains: [Int32] = []
    /// Entries that are in no chain, linked by `next`.
    private var free: Int32 = -1
    /// The ends of the list of all entries by their last use.
    private var newest: Int32 = -1
    private var oldest: Int32 = -1

    /// Entries do not name endpoints but these, so that a reload costs a step per endpoint and not one per session.
    private var holders: [Holder] = []
    /// By an endpoint's index: its holder; -1 for none yet.
    private var holderOf: [Int32] = []
    private var freeHolders: [Int32] = []

    private struct Holder: Sendable {
        /// The endpoint's index; -1 when it is gone.
        var endpoint: Int32
        var sessions: Int32 = 0
    }

    private struct Entry: Sendable {
        var hash: UInt64
        var used: Int64
        var holder: Int32
        /// The next in its chain, or the next free one.
        var next: Int32
        var newer: Int32
        var older: Int32
    }

    /// - Parameters:
    ///   - capacity: sessions at most, 0 to 2^30.
    ///   - lifetime: how long a session is known after its last use, above 0.
    public init(capacity: Int, lifetime: Duration) {
        self.capacity = max(0, min(capacity, 1 << 30))
        self.lifetime = lifetime.inMicroseconds
    }

    /// The endpoint of the session, which is thereby used; nil when it is not known, or no longer.
    public mutating func endpoint(for hash: UInt64, now: Int64) -> Int32? {
        guard let index = find(hash) else { return nil }
        let endpoint = holders[Int(entries[index].holder)].endpoint
        guard endpoint >= 0, now - entries[index].used < lifetime else {
            remove(index)
            return nil
        }
        use(index, now: now)
        return endpoint
    }

    /// Notes that the session is the endpoint's from now on.
    public mutating func learn(_ hash: UInt64, endpoint: Int32, now: Int64) {
        if let index = find(hash) {
            let (before, holder) = (entries[index].holder, holder(of: endpoint))
            entries[index].holder = holder
            holders[Int(holder)].sessions += 1
            leave(before)
            use(index, now: now)
            return
        }
        guard capacity > 0 else { return }
        // Two for one: those that ended go faster than new ones come.
        for _ in 0..<2 where oldest >= 0 && now - entries[Int(oldest)].used >= lifetime { remove(Int(oldest)) }
        // One is one too many; more are when a reload has left less room. Two for one here, too.
        for _ in 0..<2 where count >= capacity { remove(Int(oldest)) }
        let holder = holder(of: endpoint)
        holders[Int(holder)].sessions += 1
        insert(Entry(hash: hash, used: now, holder: holder, next: -1, newer: -1, older: -1))
    }

    // MARK: Whose they are

    /// Goes on with the sessions that there were before a reload; `old` is empty afterwards. Those of endpoints that are
    /// gone are as good as forgotten; where there is less room, the oldest leave as new ones come.
    mutating func inherit(from old: inout LearnedSessions, _ survivors: Survivors) {
        let (capacity, lifetime) = (capacity, lifetime)
        swap(&self, &old)
        self.capacity = capacity
        self.lifetime = lifetime
        holderOf = Array(repeating: -1, count: survivors.toOld.count)
        for holder in holders.indices where holders[holder].endpoint >= 0 {
            let endpoint = survivors.toNew[Int(holders[holder].endpoint)]
            holders[holder].endpoint = endpoint
            if endpoint >= 0 {
                holderOf[Int(endpoint)] = Int32(holder)
            } else if holders[holder].sessions == 0 {
                freeHolders.append(Int32(holder))
            }
        }
    }

    private mutating func holder(of endpoint: Int32) -> Int32 {
        while holderOf.count <= Int(endpoint) { holderOf.append(-1) }
        let known = holderOf[Int(endpoint)]
        guard known < 0 else { return known }
        let holder = freeHolders.popLast() ?? Int32(holders.count)
        if Int(holder) == holders.count { holders.append(Holder(endpoint: endpoint)) }
        holders[Int(holder)].endpoint = endpoint
        holderOf[Int(endpoint)] = holder
        return holder
    }

    /// A session of the holder's is gone.
    private mutating func leave(_ holder: Int32) {
        holders[Int(holder)].sessions -= 1
        if holders[Int(holder)].sessions == 0, holders[Int(holder)].endpoint < 0 { freeHolders.append(holder) }
    }

    // MARK: The table

    private func find(_ hash: UInt64) -> Int? {
        guard !chains.isEmpty else { return nil }
        var index = chains[chain(of: hash)]
        while index >= 0 {
            let entry = entries[Int(index)]
            if entry.hash == hash { return Int(index) }
            index = entry.next
        }
        return nil
    }

    /// By the upper bits of a product, to which all bits of the hash contribute.
    private func chain(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: (hash &* 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: UInt64(chains.count)).high)
    }

    private mutating func insert(_ entry: Entry) {
        let index: Int
        if free >= 0 {
            index = Int(free)
            free = entries[index].next
            entries[index] = entry
        } else {
            if entries.count == chains.count { grow() }
            index = entries.count
            entries.append(entry)
        }
        count += 1
        putInChain(index)
        putInFront(index)
    }

    private mutating func remove(_ index: Int) {
        let chain = chain(of: entries[index].hash)
        if chains[chain] == index {
            chains[chain] = entries[index].next
        } else {
            var before = Int(chains[chain])
            while entries[before].next != index { before = Int(entries[before].next) }
            entries[before].next = entries[index].next
        }
        takeOut(index)
        leave(entries[index].holder)
        entries[index].next = free
        free = Int32(index)
        count -= 1
    }

    /// Twice as many chains, and as much room for entries: every chain holds one on average at most.
    private mutating func grow() {
        let size = chains.isEmpty ? 16 : chains.count * 2
        entries.reserveCapacity(min(size, capacity))
        chains = Array(repeating: -1, count: size)
        for index in entries.indices { putInChain(index) }
    }

    private mutating func putInChain(_ index: Int) {
        let chain = chain(of: entries[index].hash)
        entries[index].next = chains[chain]
        chains[chain] = Int32(index)
    }

    // MARK: The list by last use

    private mutating func use(_ index: Int, now: Int64) {
        entries[index].used = now
        guard newest != index else { return }
        takeOut(index)
        putInFront(index)
    }

    private mutating func putInFront(_ index: Int) {
        entries[index].newer = -1
        entries[index].older = newest
        if newest >= 0 { entries[Int(newest)].newer = Int32(index) } else { oldest = Int32(index) }
        newest = Int32(index)
    }

    private mutating func takeOut(_ index: Int) {
        let (newer, older) = (entries[index].newer, entries[index].older)
        if newer >= 0 { entries[Int(newer)].older = older } else { newest = older }
        if older >= 0 { entries[Int(older)].newer = newer } else { oldest = newer }
    }
}
