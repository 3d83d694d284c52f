/// The clients of a worker: how many there are, and whether they are to go.
struct Clients {
    /// Connections that are open.
    var count = 0
    /// Those of them that linger.
    var lingering = 0
    /// When they are cut; `.max` while the worker does not drain.
    var deadline = Int64.max
    /// Steps of TLS handshakes that may still be taken before the others wait for the next turn. Each is dear: those who are
    /// connected must not wait for a crowd of new clients.
    var handshakeSteps = handshakeStepsAtOnce
    /// About two milliseconds' worth, where keys are elliptic.
    static let handshakeStepsAtOnce = 16
    /// The worker drains.
    var areLeaving: Bool { deadline != .max }
    /// The worker drains, and all have gone.
    var haveLeft: Bool { areLeaving && count == 0 }
}
