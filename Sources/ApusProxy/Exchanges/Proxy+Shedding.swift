import ApusExchange
import ApusHTTP
import ApusTransport

/// Shedding: where there is no memory left to be taken back (`Connections.borrow`), responses give way that nobody reads.
extension Proxy {
    /// Responses broken off in one turn, and for how long nothing of them was taken.
    private static var shedsPerTurn: Int { 16 }
    private static var stall: Int64 { 2_000_000 }

    /// A search for memory was in vain in this turn: breaks off responses of which their clients take nothing.
    @inline(never)
    mutating func shedStalled(_ arena: inout BufferArena) {
        connections.isShortOfMemory = false
        var left = Self.shedsPerTurn
        for _ in 0..<min(Connections.looks, connections.indexBound) where left > 0 {
            let client = connections.nextInTurn()
            guard connections.isUsed(client), connections[client].phase == .exchanging,
                connections[client].hasUnsent
            else { continue }
            let x = Int(connections[client].exchange)
            // One that has only interim responses has another deadline, and is not a body.
            guard exchanges[x].state.responsePhase != .awaited else { continue }
            let lastTaken = exchanges[x].deadline &- bodyTime(x)
            guard lastTaken <= now &- Self.stall else { continue }
            drive(x, .reset(.memoryLimit), &arena)
            left -= 1
        }
    }
}
