/// The clients of a worker: how many there are, and whether they are to go.
struct Clients {
    /// Connections that are open.
    var count = 0
    /// Those of them that linger.
    var lingering = 0
    /// When they are cut; `.max` while the worker does not drain.
    var deadline = Int64.max
    /// The worker drains.
    var areLeaving: Bool { deadline != .max }
    /// The worker drains, and all have gone.
    var haveLeft: Bool { areLeaving && count == 0 }
}
