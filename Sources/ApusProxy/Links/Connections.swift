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
    mutating func insert(_ connection: Connection) -> Int? { slab.insert(connection) }
    @inline(__always)
    mutating func remove(_ connection: Int) { slab.remove(connection) }
    @inline(__always)
    mutating func isUsed(_ connection: Int) -> Bool { slab.isUsed(connection) }
    @inline(__always)
    mutating func handle(_ connection: Int) -> SlabHandle { slab.handle(connection) }
    @inline(__always)
    mutating func index(_ handle: SlabHandle) -> Int? { slab.index(handle) }

    /// Has the loop told what happens to the connection.
    mutating func register(_ connection: Int) -> Bool {
        links.register(slab[connection].link, token: slab.handle(connection).token)
    }

    /// Has the connection proceed in the next turn.
    mutating func makeReady(_ connection: Int) { ready.append(slab.handle(connection)) }
}
