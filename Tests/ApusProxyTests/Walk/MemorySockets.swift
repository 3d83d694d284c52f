import ApusTransport

/// One end of a scripted connection: the worker's, behind a descriptor, or that of a client or origin of the script.
///
/// It behaves as an end of a TCP connection in Linux does, as far as its owner can tell. What one end sends stands in the
/// other's inbox at once; how slowly things go is decided by when the script acts.
final class End {
    enum Phase { case connecting, established }

    var phase: Phase
    /// What can be read here, and how much of it there may be.
    var inbox = ByteQueue()
    let capacity: Int
    /// The other's FIN has come: it is behind the inbox.
    var hasEnded = false
    /// Why it broke; told once.
    var error: Int32 = 0
    /// Reset, refused, or gone.
    var isDead = false
    /// It has sent its own FIN.
    var hasFinished = false
    var isClosed = false
    /// Somebody wanted to send and could not, or asked whether it could.
    var lacksRoom = false
    /// It was so at least once.
    var hasLackedRoom = false
    /// When the first of the bytes in the inbox came, and the wait of the worker before that; and when some were last read.
    var cameAt: Int64 = 0
    var cameAfter: Int64 = 0
    /// In the turn in which it came, there was no place for a new connection.
    var cameInWant = false
    var readAt: Int64 = 0
    /// Since when the other's machine acknowledges nothing that is sent from here.
    var lostSince: Int64?
    /// RST follows for what was sent to an end that is closed.
    var isDoomed = false
    /// Nil when that is gone for good.
    var other: End?
    /// Of the worker's: what its poller knows of it.
    var entry: Entry?

    init(_ phase: Phase, capacity: Int) {
        self.phase = phase
        self.capacity = capacity
    }

    /// Two ends of one connection.
    static func pair(_ phase: Phase, capacities: (Int, Int)) -> (End, End) {
        let ends = (End(phase, capacity: capacities.0), End(phase, capacity: capacities.1))
        ends.0.other = ends.1
        ends.1.other = ends.0
        return ends
    }

    /// How much can be sent from here.
    var room: Int {
        guard let other, !other.isClosed else { return .max }
        return max(0, other.capacity - other.inbox.count)
    }

    /// Whether a poller would call it writable: a third is free.
    var isWritable: Bool {
        guard !isDead, !hasFinished, let other, !other.isClosed else { return true }
        return room >= (other.capacity + 2) / 3
    }

    /// What epoll would report of it now; nil for nothing.
    func event(_ token: UInt64) -> Poller.Event? {
        guard phase == .established || isDead else { return nil }
        let isReadable = !inbox.isEmpty || hasEnded || isDead
        let isWritable = isWritable
        if !isWritable { lacksRoom = true }
        let isBroken = error != 0 || isDead || (hasEnded && hasFinished)
        guard isReadable || isWritable || isBroken else { return nil }
        return Poller.Event(
            token: token, isReadable: isReadable, isWritable: isWritable, peerClosed: hasEnded || isDead,
            isBroken: isBroken)
    }
}

/// A descriptor in the poller's list.
final class Entry {
    let token: UInt64
    let isLevel: Bool
    /// It waits to be reported.
    var isQueued = false

    init(token: UInt64, isLevel: Bool) {
        self.token = token
        self.isLevel = isLevel
    }
}

/// A listening socket of the worker.
final class Door {
    let port: UInt16
    var waiting: [(end: End, peer: WireAddress)] = []
    let limit: Int
    var entry: Entry?

    init(port: UInt16, limit: Int) {
        self.port = port
        self.limit = limit
    }
}

final class MemoryPipe {
    var bytes = ByteQueue()
    let capacity: Int

    init(capacity: Int) { self.capacity = capacity }
}
