public import ApusAddresses
public import ApusModel

/// An endpoint that is Apus itself: one of its listeners, or the admin server.
public struct OwnEndpoint: Sendable, Hashable {
    /// What listens there.
    public enum Place: Sendable, Hashable {
        case listener(String)
        /// Where it is bound.
        case admin(SocketAddress)
    }

    public var pool: String
    /// What the endpoint is called.
    public var name: String
    public var address: SocketAddress
    public var place: Place
    /// It is not used: a host name must not lead to the admin server.
    public var isRefused = false

    /// The same for all addresses that a name comes to stand for there.
    public var cause: OwnEndpoint {
        var cause = self
        cause.name = String(name.prefix { $0 != "@" })
        cause.address = SocketAddress(ip: .anyIPv6, port: address.port)
        return cause
    }
}

extension OwnEndpoint: CustomStringConvertible {
    /// In words, with what comes of it.
    public var description: String {
        switch place {
        case .listener(let listener):
            "the endpoint `\(name)` of the pool `\(pool)` is Apus itself: the listener `\(listener)` is bound there; a "
                + "request that comes back by it is refused (508, `loop_detected`)"
        case .admin(let bind) where isRefused:
            "the endpoint `\(name)` of the pool `\(pool)` has the address \(address), and so leads to the admin server at "
                + "`\(bind)`: a host name must not, and gets nothing there; write the address itself if that is meant"
        case .admin(let bind):
            "the endpoint `\(name)` of the pool `\(pool)` is the admin server at `\(bind)`: clients of the pool are told "
                + "what it tells"
        }
    }
}

/// The places where this process is bound, by port.
struct OwnPlaces {
    private var binds: [UInt16: [(bind: SocketAddress, place: OwnEndpoint.Place)]] = [:]
    private let machine: () -> Set<IPAddress>

    /// - Parameter machine: the addresses of this machine, where what is bound to all of them is to be found by them too.
    init(_ listeners: [Listener], _ admin: [Admin], machine: @escaping () -> Set<IPAddress> = { [] }) {
        self.machine = machine
        for listener in listeners where !listener.isRetired {
            binds[listener.bind.port, default: []].append((listener.bind, .listener(listener.name)))
        }
        for case .address(let address) in admin.map(\.bind) {
            binds[address.port, default: []].append((address, .admin(address)))
        }
    }

    /// What who connects to that address on this machine comes to; nil for nothing of this process.
    func place(at address: SocketAddress) -> OwnEndpoint.Place? {
        guard let near = binds[address.port], address.port != 0 else { return nil }
        if let found = near.first(where: { $0.bind.isReached(at: address) }) { return found.place }
        let all = near.filter { $0.bind.takesAll(like: address) }
        return all.isEmpty || !machine().contains(address.ip) ? nil : all[0].place
    }

    func isAdmin(_ address: SocketAddress) -> Bool {
        if case .admin? = place(at: address) { true } else { false }
    }
}

extension SocketAddress {
    /// Whether who connects to that address on this machine comes to what is bound here, as far as the addresses tell.
    fileprivate func isReached(at address: SocketAddress) -> Bool {
        // The system takes who connects to no address at all to the loopback.
        let target =
            switch address.ip {
            case .anyIPv4: IPAddress(ipv4: 0x7f00_0001)
            case .anyIPv6: IPAddress(high: 0, low: 1)
            default: address.ip
            }
        return switch ip {
        case .anyIPv4: target.isLoopback && target.isIPv4
        case .anyIPv6: target.isLoopback
        default: ip == target
        }
    }

    /// Whether what is bound here is bound to all addresses of the family of `address`.
    fileprivate func takesAll(like address: SocketAddress) -> Bool {
        ip == .anyIPv6 || ip == .anyIPv4 && address.ip.isIPv4
    }
}

extension LoadedConfiguration {
    /// The endpoints of `running` that are this process, and the names that are refused since they lead to the admin server.
    ///
    /// - Parameters:
    ///   - running: this configuration's snapshot, or that with what was changed while running.
    ///   - onThisMachine: whether addresses of this machine are looked for too, where something is bound to all of them.
    public func ownEndpoints(in running: Snapshot, onThisMachine: Bool = true) -> [OwnEndpoint] {
        let machine = localAddresses
        let places = OwnPlaces(
            running.listeners, running.operations.admin, machine: onThisMachine ? { machine() } : { [] })
        let own = running.endpoints.compactMap { endpoint -> OwnEndpoint? in
            guard !endpoint.isRetired, !endpoint.isUnresolved, let place = places.place(at: endpoint.address) else {
                return nil
            }
            return OwnEndpoint(
                pool: running.pools[endpoint.pool].name, name: endpoint.name, address: endpoint.address, place: place)
        }
        return own + refused
    }
}
