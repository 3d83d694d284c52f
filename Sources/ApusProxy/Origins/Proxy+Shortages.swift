import ApusBalancing
import ApusExchange
import ApusModel
import ApusTransport

/// What this machine lacks for new connections may be in those that are kept and idle.
extension Proxy {
    /// An idle connection to the endpoint, however long it has been idle, where no new one can be had: the attempt's from then
    /// on. It may be closing just now, which is better than no answer for sure.
    mutating func keptInstead(of shortage: Shortage, _ x: Int, _ endpoint: Int) -> Int32? {
        guard shortage != .memory, !exchanges[x].state.isPersonal, origins.connections[endpoint].idleCount > 0 else {
            return nil
        }
        origins.connections[endpoint].connectFailed()
        guard case .reuse(let kept) = origins.connections[endpoint].lease() else {
            preconditionFailure("an idle connection was not given")
        }
        return kept
    }

    /// Endpoints that one search looks at.
    private static var looks: Int { 1_024 }

    /// Closes a connection to an origin that has been idle: its descriptor is free then.
    ///
    /// - Returns: false when this worker has none, as far as one search looks.
    mutating func giveUpIdleUpstream(_ arena: inout BufferArena) -> Bool {
        let count = origins.connections.count
        for _ in 0..<min(Self.looks, count) {
            scratch.givingUp = scratch.givingUp + 1 < count ? scratch.givingUp + 1 : 0
            guard let idle = origins.connections[scratch.givingUp].takeOldestIdle() else { continue }
            closeUpstream(Int(idle), &arena)
            return true
        }
        return false
    }

    /// Closes a connection to an origin that has been idle, for a client that finds no descriptor.
    ///
    /// As long as there are more of them than clients: a client has one at a time, and needs a descriptor for it as well. Other
    /// workers do the same when they hear of it (`DataPlaneLink.giveUpIdleConnections`).
    ///
    /// - Returns: whether one was closed.
    mutating func makeRoomForClient(_ arena: inout BufferArena) -> Bool {
        guard connections.count - clients.count > clients.count else { return false }
        return giveUpIdleUpstream(&arena)
    }
}
