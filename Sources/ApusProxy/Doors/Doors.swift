/// The room where clients come in: the listening sockets.
struct Doors {
    /// The sockets on which the worker accepts, each at the place that its token says; nil where one was closed.
    var listeners: [ListeningSocket?]
    /// Listeners that a reload removed, while they have clients.
    var retirements: [Retirement] = []

    init(_ listeners: [ListeningSocket]) { self.listeners = listeners }
}

/// A listener that a reload removed, and until when its clients may stay.
struct Retirement {
    let listener: Int
    let deadline: Int64
}
