import ApusTransport

/// The room of connections: those of clients and those to origins side by side, by slot, with their links.
///
/// It moves bytes between links and buffers, and knows who has buffers; what the bytes mean is its callers' business.
struct Connections: ~Copyable {
    /// What moves bytes, and the clock.
    var links: Links
    var slab: Slab<Connection>
    /// Those that have something to do and will see no event for it.
    var ready: [SlabHandle] = []
    /// Bytes that the socket took of what was sent last.
    var sentCount = 0
    /// Whether a search for memory was in vain in this turn, and the slot at which the next one goes on.
    var isShortOfMemory = false
    var hand = 0

    /// - Parameter capacity: address space for this many; memory only for those that exist.
    init(over links: consuming Links, capacity: Int) {
        self.links = links
        slab = Slab(capacity: capacity)
    }

    /// The connection in a slot that is in use.
    subscript(index: Int) -> Connection {
        @inline(__always) _read { yield slab[index] }
        @inline(__always) _modify { yield &slab[index] }
    }

    var count: Int { @inline(__always) mutating get { slab.count } }
    var indexBound: Int { @inline(__always) mutating get { slab.indexBound } }

    @inline(__always)
    mutating func isUsed(_ connection: Int) -> Bool { slab.isUsed(connection) }
    @inline(__always)
    mutating func handle(_ connection: Int) -> SlabHandle { slab.handle(connection) }
    @inline(__always)
    mutating func index(_ handle: SlabHandle) -> Int? { slab.index(handle) }

    /// Takes a connection in, and has the loop told what happens to it.
    ///
    /// - Returns: nil when there is no place, or the system watches no more of them: its link is still the caller's then.
    mutating func take(_ connection: Connection) -> Int? {
        guard let index = slab.insert(connection) else { return nil }
        if links.register(connection.link, token: slab.handle(index).token) { return index }
        slab.remove(index)
        return nil
    }

    /// Notes what the poller has reported of the connection.
    @inline(__always)
    mutating func note(_ event: Poller.Event, of connection: Int) { slab[connection].link.note(event) }

    /// A send has failed: what the peer may have said before is still to be read.
    mutating func takesNoMore(_ connection: Int) { slab[connection].link.takesNoMore() }

    /// The slot at which a search for memory goes on.
    mutating func nextInTurn() -> Int {
        hand = hand + 1 < slab.indexBound ? hand + 1 : 0
        return hand
    }

    /// Has the connection proceed in the next turn.
    mutating func makeReady(_ connection: Int) { ready.append(slab.handle(connection)) }

    /// A head has not come whole. What a read has left in the socket no event will tell of.
    mutating func readOn(_ connection: Int) {
        if slab[connection].mayHaveMore { makeReady(connection) }
    }
}
