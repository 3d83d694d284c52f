import ApusBalancing
import ApusModel
import ApusTransport

/// Reload: the worker goes over to another snapshot between two events.
extension Worker {
    mutating func adopt(_ adoption: Adoption, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        proxy.adopt(adoption, &hand, &arena)
        adoptListeners(adoption, &arena)
        proxy.dismissOutdatedClients(&arena)
        proxy.wakeAfterReload(&arena)
        adoption.arrivals.arrive()
    }

    private mutating func adoptListeners(_ adoption: Adoption, _ arena: inout BufferArena) {
        let succession = adoption.succession
        doors.retirements = doors.retirements.compactMap { retirement in
            succession.listeners.toNew[retirement.listener].map {
                Retirement(listener: $0, deadline: retirement.deadline)
            }
        }
        for place in doors.listeners.indices {
            guard var listener = doors.listeners[place] else { continue }
            let renamed = succession.listeners.toNew[listener.listener]
            if let renamed, !proxy.shared.snapshot.listeners[renamed].isRetired {
                listener.listener = renamed
                doors.listeners[place] = listener
            } else {
                listener.listener = renamed ?? listener.listener
                doors.listeners[place] = listener
                close(place, acceptingQueue: renamed != nil, &arena)
                if let renamed { retire(renamed, &arena) }
            }
        }
        for listener in adoption.sockets[proxy.neighbours.index] { add(listener) }
    }

    private mutating func add(_ listener: ListeningSocket) {
        let place = doors.listeners.firstIndex { $0 == nil } ?? doors.listeners.count
        if place == doors.listeners.count { doors.listeners.append(nil) }
        doors.listeners[place] = listener
        _ = proxy.connections.links.listen(at: listener.socket, token: UInt64(place))
    }

    /// Its clients finish what they have begun, within the time of a drain.
    private mutating func retire(_ listener: Int, _ arena: inout BufferArena) {
        guard !doors.retirements.contains(where: { $0.listener == listener }) else { return }
        let deadline = proxy.now + proxy.shared.snapshot.timeouts.drain.inMicroseconds
        doors.retirements.append(Retirement(listener: listener, deadline: deadline))
        proxy.schedule.timers.schedule(Schedule.wakeToken, at: deadline)
        proxy.dismissIdleClients(of: listener, &arena)
    }

    /// Cuts the clients of retired listeners whose time is up.
    mutating func cutRetired(_ arena: inout BufferArena) {
        let now = proxy.now
        for retirement in doors.retirements where retirement.deadline <= now {
            proxy.cutClients(of: retirement.listener, &arena)
        }
        doors.retirements.removeAll { $0.deadline <= now }
    }
}
