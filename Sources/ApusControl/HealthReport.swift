public import ApusBalancing

/// What is known about the health of every endpoint at one moment, for the admin server and the metrics.
public struct HealthReport: Sendable, Equatable {
    /// By index into `Snapshot.endpoints`.
    public var endpoints: [EndpointHealth.State]

    public init(endpoints: [EndpointHealth.State]) {
        self.endpoints = endpoints
    }
}

extension EndpointHealth.State {
    /// Whether requests may be sent there.
    var isAvailable: Bool {
        if case .down = self { false } else { true }
    }

    /// The values of the label `state` in metrics.
    static let labels = ["unknown", "up", "down"]

    /// The value of the label `state` in metrics.
    var label: String {
        switch self {
        case .unknown: "unknown"
        case .up: "up"
        case .down: "down"
        }
    }
}
