/// What the old process leaves to the new one.
public struct Handover: Sendable, Equatable {
    /// Every listening socket: one per worker for each address.
    public var sockets: [InheritedSocket]
    /// The number of the configuration that runs.
    public var revision: UInt64
    /// What was changed while running, in a form that the control plane knows.
    public var state: [UInt8]

    public init(sockets: [InheritedSocket], revision: UInt64, state: [UInt8] = []) {
        self.sockets = sockets
        self.revision = revision
        self.state = state
    }

    /// The messages that carry it, each with the descriptors that go with it.
    var messages: [(UpgradeMessage, descriptors: [Int32])] {
        var messages: [(UpgradeMessage, descriptors: [Int32])] = [
            (
                .begin(
                    version: UpgradeMessage.version, revision: revision, sockets: sockets.count,
                    stateBytes: state.count), []
            )
        ]
        var rest = sockets[...]
        while !rest.isEmpty {
            let part = rest.prefix(UpgradeMessage.mostSockets)
            rest = rest.dropFirst(part.count)
            messages.append((.sockets(part.map(\.address)), part.map(\.descriptor)))
        }
        var bytes = state[...]
        while !bytes.isEmpty {
            let part = bytes.prefix(UpgradeMessage.longest - 1)
            bytes = bytes.dropFirst(part.count)
            messages.append((.state(part), []))
        }
        return messages
    }
}

/// A handover that comes in, message by message.
struct HandoverAssembly {
    private var announced: (sockets: Int, stateBytes: Int)?
    private(set) var handover = Handover(sockets: [], revision: 0)

    /// Whether all that was announced has come.
    var isComplete: Bool {
        guard let announced else { return false }
        return handover.sockets.count == announced.sockets && handover.state.count == announced.stateBytes
    }

    /// Takes the next message with the descriptors that came with it. When it throws, the descriptors of this message
    /// are the caller's to close.
    mutating func add(_ message: UpgradeMessage, descriptors: [Int32]) throws(TakeoverError) {
        switch message {
        case .begin(let version, let revision, let sockets, let stateBytes):
            guard announced == nil, descriptors.isEmpty else { throw .misunderstood }
            guard version == UpgradeMessage.version else { throw .otherVersion(version) }
            announced = (sockets, stateBytes)
            handover.revision = revision
        case .sockets(let addresses):
            guard let announced, !addresses.isEmpty, addresses.count == descriptors.count,
                handover.sockets.count + addresses.count <= announced.sockets
            else { throw .misunderstood }
            handover.sockets += zip(descriptors, addresses).map { InheritedSocket(descriptor: $0, address: $1) }
        case .state(let part):
            guard let announced, descriptors.isEmpty, !part.isEmpty,
                handover.state.count + part.count <= announced.stateBytes
            else { throw .misunderstood }
            handover.state += part
        case .ready, .failed: throw .misunderstood
        }
    }
}
