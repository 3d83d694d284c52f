import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Memory: when the worker's buffers are used up, it is taken back from those who do least with theirs.
///
/// From heads that have not come whole, from requests that came before the one before them was answered, and from what is
/// kept of half bodies for a retry: large buffers first, then any. If that is not enough, the request that asked is
/// refused, and responses that their clients do not read are broken off for the next (`shedStalled`). A search looks at a
/// bounded number of connections, and the next one goes on where it ended.
extension Proxy {
    /// Connections that one search looks at.
    private static var looks: Int { 1_024 }
    /// Responses broken off in one turn, and for how long nothing of them was taken.
    private static var shedsPerTurn: Int { 16 }
    private static var stall: Int64 { 2_000_000 }
    /// A buffer of this size is worth taking alone.
    private static var large: Int { 16 << 10 }

    /// Takes memory back until the buffer that was refused last can be lent.
    ///
    /// - Parameter connection: what it is for, which keeps what it has.
    /// - Returns: whether it can.
    @inline(never)
    mutating func reclaim(for connection: Int, _ arena: inout BufferArena) -> Bool {
        let count = arena.refused
        guard count <= BufferArena.largestBlock else { return false }
        for size in [Self.large, 1] {
            for _ in 0..<min(Self.looks, connections.indexBound) {
                let victim = connections.nextInTurn()
                guard connections.isUsed(victim), victim != connection else { continue }
                guard takeBack(from: victim, least: size, sparing: connection, &arena) else { continue }
                if let handle = arena.borrow(count) {
                    arena.giveBack(handle)
                    return true
                }
            }
        }
        connections.isShortOfMemory = true
        return false
    }

    /// - Returns: whether a buffer of at least that size came back.
    private mutating func takeBack(
        from victim: Int, least size: Int, sparing connection: Int, _ arena: inout BufferArena
    ) -> Bool {
        switch connections[victim].phase {
        case .readingHead:
            let input = connections[victim].input
            guard !input.isEmpty, arena.capacity(of: input.handle) >= size else { return false }
            arena.giveBack(input.handle)
            connections[victim].input = Stretch()
            connections[victim].phase = .evicted
            connections.makeReady(victim)
            return true
        case .exchanging:
            let x = Int(connections[victim].exchange)
            guard connections[connection].exchange != Int32(truncatingIfNeeded: x) else { return false }
            if takeNext(from: victim, least: size, &arena) { return true }
            let replay = exchanges[x].replay
            let upstream = exchanges[x].upstream
            // What is on its way is not needed again, unless it fails.
            guard !replay.isEmpty, arena.capacity(of: replay.handle) >= Self.large,
                upstream >= 0, connections[upstream].phase == .leased, exchanges[x].state.visit.current.wasSent
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
        from client: Int, least size: Int, _ arena: inout BufferArena
    ) -> Bool {
        let x = Int(connections[client].exchange)
        let input = connections[client].input
        // While a filter is waited for, the request itself is there.
        guard !input.isEmpty, arena.capacity(of: input.handle) >= size, exchanges[x].state.request.isComplete,
            !exchanges[x].state.filters.isWaiting
        else { return false }
        arena.giveBack(input.handle)
        connections[client].input = Stretch()
        exchanges[x].state.end = .memoryLimit
        exchanges[x].state.requestWasAbandoned = true
        return true
    }

    /// A search for memory was in vain in this turn: breaks off responses of which their clients take nothing.
    @inline(never)
    mutating func shedStalled(_ arena: inout BufferArena) {
        connections.isShortOfMemory = false
        var left = Self.shedsPerTurn
        for _ in 0..<min(Self.looks, connections.indexBound) where left > 0 {
            let client = connections.nextInTurn()
            guard connections.isUsed(client), connections[client].phase == .exchanging,
                connections[client].hasUnsent
            else { continue }
            let x = Int(connections[client].exchange)
            // One that has only interim responses has another deadline, and is not a body.
            guard exchanges[x].state.responsePhase != .awaited else { continue }
            let lastTaken = exchanges[x].deadline &- bodyTime(x)
            guard lastTaken <= now &- Self.stall else { continue }
            drive(x, .breakOff(.memoryLimit), &arena)
            left -= 1
        }
    }
}
