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
    /// Nobody knows whether it leads there, since the system does not say which addresses this machine has.
    public var isUnsure = false

    /// The same for all addresses that a name comes to stand for there, whether it has one or several.
    public var cause: OwnEndpoint {
        var cause = self
        // `web.example:80` for one, `web.example@10.0.0.1:80` for several; the port is that of the address.
        cause.name = String(name[..<(name.firstIndex(of: "@") ?? name.lastIndex(of: ":") ?? name.endIndex)])
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
        case .admin(let bind) where isUnsure:
            "the endpoint `\(name)` of the pool `\(pool)` has the address \(address), and may lead to the admin server at "
                + "`\(bind)`: the system does not say which addresses this machine has (in a service of systemd, "
                + "`RestrictAddressFamilies` needs `AF_NETLINK`), so it gets nothing there; write the address itself if that "
                + "is meant"
        case .admin(let bind) where isRefused:
            "the endpoint `\(name)` of the pool `\(pool)` has the address \(address), and so leads to the admin server at "
                + "`\(bind)`: a host name must not, and gets nothing there; write the address itself if that is meant"
        case .admin(let bind):
            "the endpoint `\(name)` of the pool `\(pool)` is the admin server at `\(bind)`: clients of the pool are told "
                + "what it tells"
        }
    }
}

/// The places where this process is bound, by port: for one look at endpoints.
struct OwnPlaces {
    private var binds: [UInt16: [(bind: SocketAddress, place: OwnEndpoint.Place)]] = [:]
    private let machine: Machine

    /// The addresses of this machine, for which the system is asked once, if at all.
    private final class Machine {
        private let read: () -> Set<IPAddress>?
        private(set) lazy var addresses = read()

        init(_ read: @escaping () -> Set<IPAddress>?) { self.read = read }
    }

    /// - Parameters:
    ///   - given: where the admin server is bound by a port that the system gave.
    ///   - machine: the addresses of this machine, where what is bound to all of them is to be found by them too; nil when the
    ///     system does not say.
    init(
        _ listeners: [Listener], _ admin: [Admin], given: [SocketAddress] = [],
        machine: @escaping () -> Set<IPAddress>? = { [] }
    ) {
        self.machine = Machine(machine)
        for listener in listeners where !listener.isRetired {
            binds[listener.bind.port, default: []].append((listener.bind, .listener(listener.name)))
        }
        for case .address(let address) in admin.map(\.bind) {
            binds[address.port, default: []].append((address, .admin(address)))
        }
        for address in given { binds[address.port, default: []].append((address, .admin(address))) }
    }

    /// What who connects to that address on this machine comes to; nil for nothing of this process.
    func place(at address: SocketAddress) -> OwnEndpoint.Place? {
        guard let found = found(at: address), found.isSure else { return nil }
        return found.place
    }

    /// The admin server, if who connects to that address may come to it; a host name must not lead there.
    func refusal(at address: SocketAddress) -> (place: OwnEndpoint.Place, isSure: Bool)? {
        guard let found = found(at: address), found.place.isAdmin else { return nil }
        return found
    }

    private func found(at address: SocketAddress) -> (place: OwnEndpoint.Place, isSure: Bool)? {
        guard let near = binds[address.port], address.port != 0 else { return nil }
        if let found = near.first(where: { $0.bind.isReached(at: address) }) { return (found.place, true) }
        let all = near.filter { $0.bind.takesAll(like: address) }
        guard let first = all.first else { return nil }
        guard let own = machine.addresses else {
            return all.first(where: \.place.isAdmin).map { ($0.place, false) }
        }
        return own.contains(address.ip) ? (first.place, true) : nil
    }
}

extension OwnEndpoint.Place {
    fileprivate var isAdmin: Bool { if case .admin = self { true } else { false } }
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
    /// Asks the system for this machine's addresses, once, if something is bound to all of them.
    ///
    /// - Parameters:
    ///   - running: this configuration's snapshot, or that with what was changed while running.
    ///   - onThisMachine: whether addresses of this machine are looked for too, where something is bound to all of them.
    public func ownEndpoints(in running: Snapshot, onThisMachine: Bool = true) -> [OwnEndpoint] {
        let machine = localAddresses
        let places = OwnPlaces(
            running.listeners, running.operations.admin, given: adminAddresses,
            machine: onThisMachine ? { machine() } : { [] })
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
