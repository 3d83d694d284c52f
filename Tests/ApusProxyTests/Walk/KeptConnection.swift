/// What an origin of the walk knows of the keeping of one of its connections: how old it is, what it has carried, for how long it
/// was idle.
struct KeptConnection {
    let bornAt: Int64
    /// The request that was answered last.
    var served: Int?
    /// For how many seconds the last response has said that the connection is kept.
    var promised: Int?
    private var carried = 0
    /// Pools that it can belong to alone, by the requests that came.
    private var isOfA = false
    private var isOfF = false
    /// For how long it was idle before the present request at least: as it came, and as the worker's turn before that began.
    private var rest: (exact: Int64, seen: Int64)?
    /// There may have been no new connection instead of this one.
    private var isInWant = false
    /// The worker's turn before that in which the present request began to come.
    private var turnBefore: Int64 = 0

    init(bornAt: Int64) { self.bornAt = bornAt }

    /// A request begins to come.
    mutating func measureRest(_ end: End, _ world: World) {
        rest = nil
        turnBefore = end.cameAfter
        isInWant = end.cameInWant
        guard let served, let ended = world.asked[served].endedAt, let other = end.other else { return }
        // It cannot have been given back later than its client had all.
        let since = max(other.readAt, ended)
        rest = (end.cameAt - since, end.cameAfter - since)
    }

    /// The head of a request has come: was the connection one to be used for it?
    ///
    /// - Parameter isOwned: it belongs to a client.
    mutating func came(
        _ asked: AskedRequest, isOwned: Bool, _ world: World, complain: (String) -> Void
    ) {
        carried += 1
        if asked.path.hasPrefix("/a/") || asked.path.hasPrefix("/h/") { isOfA = true }
        if asked.path.hasPrefix("/f/") { isOfF = true }
        if isOfA, carried > WalkSnapshots.requestsPerOrigin {
            complain("\(asked.id) is the request \(carried) of a connection")
        }
        // Ages are told to the second, and deadlines are met up to a tick of the wheel late.
        if isOfF, turnBefore - bornAt > WalkSnapshots.age + 1_000_000 + 1 << 16 {
            complain("\(asked.id) on a connection that is \(turnBefore - bornAt) old")
        }
        defer { promised = nil }
        guard let rest, !isOwned else { return }
        if rest.exact > 1_000_000 { world.tally.rested += 1 }
        if let promised {
            world.tally.promised += 1
            if promised == 0 || rest.seen > Int64(promised) * 1_000_000 {
                complain("\(asked.id) after \(rest.seen), and \(promised) s were promised")
            }
        }
        // Pool `d` may have no other connection, and where no new one can be had any will do.
        if !asked.isIdempotent, rest.exact > 1_000_000, !isInWant, !asked.path.hasPrefix("/d/") {
            complain("the POST \(asked.id) on a connection that was idle for \(rest.exact)")
        }
    }
}
