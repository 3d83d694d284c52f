import ApusModel
import ApusTransport

/// Accepting: clients come in here, and are taken in by the proxy.
extension Worker {
    /// How many connections are taken from one listener in a turn with so many events.
    ///
    /// An accept that finds nobody is dear, because the system makes a socket before it looks: with little else to do one
    /// is taken, and the listener, which is still readable if there are more, says so in the next turn. In a turn with
    /// much to do the next may be long in coming. A burst must not keep the connections that are there waiting either.
    private static func accepts(of eventCount: Int) -> Int { 1 + eventCount / 16 }

    /// Accepts from the socket at a place of `listeners`, in a turn with so many events.
    mutating func accept(at place: Int, amid eventCount: Int, _ arena: inout BufferArena) {
        // A drain or a reload that came in the same turn has closed it.
        guard place < doors.listeners.count, let listening = doors.listeners[place] else { return }
        for _ in 0..<Self.accepts(of: eventCount) { guard acceptOne(at: place, listening, &arena) else { return } }
    }

    /// - Returns: whether somebody was accepted: taken in, or told that there is no room. False when nobody waits, or there is
    ///   nothing left to tell them with.
    private mutating func acceptOne(at place: Int, _ listening: ListeningSocket, _ arena: inout BufferArena) -> Bool {
        var peer = WireAddress(high: 0, low: 0, port: 0)
        var link = Link()
        var result = proxy.connections.links.accept(&link, at: listening.socket, peer: &peer)
        if result.isOutOfDescriptors, proxy.makeRoomForClient(&arena) {
            result = proxy.connections.links.accept(&link, at: listening.socket, peer: &peer)
        }
        if result.isFailure {
            return result.isOutOfDescriptors && acceptWithSpare(place, &arena)
        }
        var isLast = proxy.connections.links.isBeyondBound(link)
        if isLast, proxy.makeRoomForClient(&arena) {
            // Another thread may have been faster.
            isLast = !proxy.connections.links.moveBelowBound(&link)
        }
        proxy.admit(link, listening.listener, peer, isLast: isLast, &arena)
        return true
    }

    /// Accepts whoever waits at the socket at that place, if so wished, and closes it: they were accepted by the system,
    /// and closing would reset them.
    mutating func close(_ place: Int, acceptingQueue: Bool, _ arena: inout BufferArena) {
        guard let listening = doors.listeners[place] else { return }
        // Some more than wait now: others arrive while these are taken.
        let most = acceptingQueue ? 8 * proxy.connections.links.queueLength(at: listening.socket) : 0
        for _ in 0..<most { guard acceptOne(at: place, listening, &arena) else { break } }
        proxy.connections.links.close(listening.socket)
        doors.listeners[place] = nil
    }

    /// Accepts with the descriptor held back, so that the client is told instead of left waiting, and the listener
    /// does not stay readable for ever.
    ///
    /// - Returns: whether somebody was there to be told.
    private mutating func acceptWithSpare(_ place: Int, _ arena: inout BufferArena) -> Bool {
        guard let listening = doors.listeners[place] else { return false }
        guard proxy.connections.links.giveUpSpare() else {
            pauseAccepting(place)
            return false
        }
        var peer = WireAddress(high: 0, low: 0, port: 0)
        var link = Link()
        let result = proxy.connections.links.accept(&link, at: listening.socket, peer: &peer)
        if !result.isFailure {
            proxy.admit(link, listening.listener, peer, isLast: true, &arena)
        }
        let hasSpare = proxy.connections.links.holdSpare()
        // Another thread was faster: without the spare there is nothing to refuse with.
        if !hasSpare { pauseAccepting(place) }
        return !result.isFailure && hasSpare
    }

    /// Leaves the listener alone for a tick of the wheel: it stays readable, and nothing can be done about it now.
    private mutating func pauseAccepting(_ place: Int) {
        guard let listening = doors.listeners[place] else { return }
        proxy.connections.links.ignore(listening.socket)
        proxy.schedule.timers.schedule(UInt64(place), at: proxy.now)
    }

    mutating func resumeAccepting(_ place: Int) {
        guard place < doors.listeners.count, let listening = doors.listeners[place] else { return }
        _ = proxy.connections.links.listen(at: listening.socket, token: UInt64(place))
    }
}
