import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Memory: when the worker's buffers are used up, it is taken back from those who do least with theirs.
///
/// From heads that have not come whole, from requests that came before the one before them was answered, and from what is
/// kept of half bodies for a retry: large buffers first, then any. If that is not enough, the request that asked is
/// refused, and responses that their clients do not read are broken off for the next (`shedStalled`). A search looks at a bounded number
/// of connections, and the next one goes on where it ended.
extension Connections {
    /// Connections that one search looks at.
    static var looks: Int { 1_024 }
    /// A buffer of this size is worth taking alone.
    private static var large: Int { 16 << 10 }

    /// A buffer for something of `connection`, which keeps what it has; nil when there is no memory to be had.
    mutating func borrow(
        _ count: Int, for connection: Int, _ exchanges: inout Slab<Exchange>, _ arena: inout BufferArena
    ) -> BufferHandle? {
        arena.borrow(count) ?? reclaim(count, for: connection, &exchanges, &arena)
    }

    @inline(never)
    private mutating func reclaim(
        _ count: Int, for connection: Int, _ exchanges: inout Slab<Exchange>, _ arena: inout BufferArena
    ) -> BufferHandle? {
        guard count <= BufferArena.largestBlock else { return nil }
        for size in [Self.large, 1] {
            for _ in 0..<min(Self.looks, slab.indexBound) {
                let victim = nextInTurn()
                guard slab.isUsed(victim), victim != connection else { continue }
                guard takeBack(from: victim, least: size, sparing: connection, &exchanges, &arena) else { continue }
                if let handle = arena.borrow(count) { return handle }
            }
        }
        isShortOfMemory = true
        return nil
    }

    /// The slot at which a search goes on.
    mutating func nextInTurn() -> Int {
        hand = hand + 1 < slab.indexBound ? hand + 1 : 0
        return hand
    }

    /// - Returns: whether a buffer of at least that size came back.
    private mutating func takeBack(
        from victim: Int, least size: Int, sparing connection: Int, _ exchanges: inout Slab<Exchange>,
        _ arena: inout BufferArena
    ) -> Bool {
        switch slab[victim].phase {
        case .readingHead:
            let input = slab[victim].input
            guard !input.isEmpty, arena.capacity(of: input.handle) >= size else { return false }
            arena.giveBack(input.handle)
            slab[victim].input = Stretch()
            slab[victim].phase = .evicted
            makeReady(victim)
            return true
        case .exchanging:
            let x = Int(slab[victim].exchange)
            guard slab[connection].exchange != Int32(truncatingIfNeeded: x) else { return false }
            if takeNext(from: victim, least: size, &exchanges, &arena) { return true }
            let replay = exchanges[x].replay
            let upstream = exchanges[x].upstream
            // What is on its way is not needed again, unless it fails.
            guard !replay.isEmpty, arena.capacity(of: replay.handle) >= Self.large,
                !exchanges[x].state.request.isComplete,
                upstream >= 0, slab[upstream].phase == .leased, exchanges[x].state.visit.current.wasSent
            else { return false }
            exchanges[x].state.isReplayable = false
            exchanges[x].releaseReplay(&arena)
            return true
        default: return false
        }
    }

    /// Takes what came behind a request that is under way. The client's connection ends with the response, and the client
    /// may ask again for what it asked for too early.
    private mutating func takeNext(
        from client: Int, least size: Int, _ exchanges: inout Slab<Exchange>, _ arena: inout BufferArena
    ) -> Bool {
        let x = Int(slab[client].exchange)
        let input = slab[client].input
        // While a filter is waited for, the request itself is there.
        guard !input.isEmpty, arena.capacity(of: input.handle) >= size, exchanges[x].state.request.isComplete,
            !exchanges[x].state.filters.isWaiting
        else { return false }
        arena.giveBack(input.handle)
        slab[client].input = Stretch()
        exchanges[x].state.end = .memoryLimit
        exchanges[x].state.requestWasAbandoned = true
        return true
    }
}
