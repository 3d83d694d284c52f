public import ApusAddresses
import ApusModel

/// Host names: what they stand for changes while the configuration stays as it is.
extension LoadedConfiguration {
    /// The names that stand for endpoints, and the one of a syslog server: those that can be followed while Apus runs.
    public var followedNames: Set<String> {
        var names = named.reduce(into: Set<String>()) { $0.formUnion($1.names) }
        if let server = logServer { names.insert(server.name) }
        return names
    }

    /// The same configuration with other addresses of its names. A name that `addresses` knows nothing of, or no address, has
    /// none.
    ///
    /// Nothing is read and nothing is looked up; the system may be asked for this machine's addresses, once. Where the names
    /// stand for what they did, it is the same snapshot.
    public func resolving(_ addresses: [String: [IPAddress]]) -> LoadedConfiguration {
        var snapshot = snapshot
        var origins = origins
        var refused: [OwnEndpoint] = []
        let places = forbiddenPlaces
        for pool in named {
            let members = pool.members({ addresses[$0] ?? [] }, refusing: { places.refusal(at: $0) != nil })
            refused += pool.refused(members, places)
            let range = snapshot.pools[pool.pool].endpoints
            guard members.endpoints != Array(snapshot.endpoints[range]) else { continue }
            snapshot = snapshot.replacing(endpoints: members.endpoints, ofPool: pool.pool)
            if origins.endpoints.count >= range.upperBound {
                origins.endpoints.replaceSubrange(range, with: members.places)
            }
        }
        if let server = logServer, case .syslog(var syslog)? = snapshot.accessLog.destination {
            let target = SocketAddress(ip: server.ip(addresses[server.name] ?? []), port: server.port)
            if syslog.target != .udp(target) {
                syslog.target = .udp(target)
                var log = snapshot.accessLog
                log.destination = .syslog(syslog)
                snapshot = snapshot.replacing(accessLog: log)
            }
        }
        guard snapshot !== self.snapshot || refused != self.refused else { return self }
        var next = running(as: snapshot)
        next.origins = origins
        next.refused = refused
        return next
    }

    /// Where no name may lead.
    private var forbiddenPlaces: OwnPlaces {
        let machine = localAddresses
        return OwnPlaces([], snapshot.operations.admin, given: adminAddresses, machine: { machine() })
    }
}

/// A syslog server that goes by its name.
struct NamedServer: Sendable {
    var name: String
    var port: UInt16

    /// Where its lines go; without an address to the network that discards all (RFC 6666), where each counts as lost.
    func ip(_ addresses: [IPAddress]) -> IPAddress {
        AddressFamily.auto.chosen(of: addresses).first ?? IPAddress(high: 0x0100_0000_0000_0000, low: 1)
    }
}
