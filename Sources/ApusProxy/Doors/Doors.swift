/// The room where clients come in and leave: the listening sockets, and how many clients there are.
struct Doors {
    /// The sockets on which the worker accepts, each at the place that its token says; nil where one was closed.
    var listeners: [ListeningSocket?]
    /// Listeners that a reload removed, while they have clients.
    var retirements: [Retirement] = []
    var clientCount = 0
    /// Clients whose connections linger.
    var lingererCount = 0
    /// When connections are cut; `.max` while not draining.
    var drainDeadline = Int64.max
    var isDraining: Bool { drainDeadline != .max }

    init(_ listeners: [ListeningSocket]) { self.listeners = listeners }
}
