import ApusAddresses
import ApusModel

extension Validation {
    /// The listeners, nil where one cannot be built, and all their routes.
    mutating func listenersAndRoutes() -> ([Listener?], [Route]) {
        var listeners: [Listener?] = []
        var routes: [Route] = []
        for section in root.listeners {
            let first = routes.count
            let tls = tls(of: section)
            if let sections = section.routes {
                // Copying a section copies everything in it.
                for index in sections.indices {
                    guard let route = route(sections[index]) else { continue }
                    checkPath(route, paths: section.paths, at: sections[index].position)
                    checkRequirement(route, of: tls, section, sections[index])
                    routes.append(route)
                    origins.routes.append(place(sections[index].position))
                }
                checkNames(sections)
                checkReachability(sections)
            } else if section.redirectsToHTTPS {
                // All go that way.
            } else if root.pools.count == 1 {
                routes.append(Route(name: "*", pool: 0))
                origins.routes.append(place(section.position))
            } else if root.pools.count > 1 {
                findings.error(
                    "a listener needs `routes` when there is more than one pool, such as "
                        + "`routes: [{ pool: \(root.pools[0].name.value) }]`", at: section.position)
            }
            if section.redirectsToHTTPS { appendRedirect(section, &routes) }
            let listener = section.bind.flatMap { bind in
                address(of: bind).map { address in
                    var listener = Listener(
                        name: section.name?.value ?? bind.value.text, bind: address, routes: first..<routes.count,
                        paths: section.paths)
                    listener.hidesReasons = section.hidesReasons
                    listener.servesHalfClosed = section.servesHalfClosed
                    listener.tls = tls
                    listener.proxyNetworks = section.proxyProtocol?.networks ?? []
                    return listener
                }
            }
            listeners.append(listener)
            origins.listeners.append(place(section.position))
        }
        return (listeners, routes)
    }

    private mutating func appendRedirect(_ section: ListenerSection, _ routes: inout [Route]) {
        if section.tls != nil {
            findings.error(
                "`redirect_to_https` belongs to a listener without `tls`: this one would redirect to itself for ever",
                at: section.position)
        }
        routes.append(redirectToHTTPS())
        origins.routes.append(place(section.position))
    }

    /// No two listeners may share an address or a name, those of the admin server included.
    mutating func checkBinds(_ listeners: [Listener?], _ admin: [Admin?]) {
        // By port: few listeners share one.
        var binds: [UInt16: [(address: SocketAddress, position: SourcePosition)]] = [:]
        var names: [String: SourcePosition] = [:]
        for (section, listener) in zip(root.listeners, listeners) {
            guard let listener, let bind = section.bind else { continue }
            let isFree = checkBind(listener.bind, at: bind.position, against: binds[listener.bind.port] ?? [])
            binds[listener.bind.port, default: []].append((listener.bind, bind.position))
            let position = section.name?.position ?? bind.position
            if let other = names.updateValue(position, forKey: listener.name), isFree {
                findings.error(
                    "the name `\(listener.name)` also belongs to the listener in "
                        + "\(findings.told(other, from: position)); give each its own `name`", at: position)
            }
        }
        var paths: [String: SourcePosition] = [:]
        for (section, admin) in zip(root.admin, admin) {
            switch admin?.bind {
            case nil: break
            case .address(let address)?:
                let others = binds[address.port] ?? []
                if checkBind(address, at: section.position, against: others) {
                    checkOverlap(address, at: section.position, with: others)
                }
                binds[address.port, default: []].append((address, section.position))
            case .unix(let path)?:
                guard let other = paths.updateValue(section.position, forKey: path) else { break }
                findings.error(
                    "`unix:\(path)` is bound already by the admin listener in "
                        + "\(findings.told(other, from: section.position)); leave one of them out", at: section.position
                )
            }
        }
    }

    /// A request to an endpoint that is a listener of this process comes back to it, and the admin server is for operators.
    mutating func warnOfOwnPlaces(
        _ listeners: [Listener], _ admin: [Admin], _ pools: [Pool], _ endpoints: [Endpoint]
    ) {
        let places = OwnPlaces(listeners, admin)
        for (section, pool) in zip(root.pools, pools) {
            for endpoint in endpoints[pool.endpoints] where !endpoint.isUnresolved {
                guard let place = places.place(at: endpoint.address) else { continue }
                let own = OwnEndpoint(
                    pool: section.name.value, name: endpoint.name, address: endpoint.address, place: place)
                findings.warning("\(own)", at: section.name.position)
            }
        }
    }

    /// The admin server's sockets share their ports with nobody.
    private mutating func checkOverlap(
        _ address: SocketAddress, at position: SourcePosition,
        with others: [(address: SocketAddress, position: SourcePosition)]
    ) {
        guard let other = others.first(where: { $0.address.overlaps(address) }) else { return }
        let isWithin = other.address.ip == .anyIPv4 || other.address.ip == .anyIPv6
        let (inner, outer) = isWithin ? (address, other.address) : (other.address, address)
        findings.error(
            "`\(inner)` lies within `\(outer)`, and the listener in \(findings.told(other.position, from: position)) has one "
                + "of them; give one another port", at: position)
    }

    private mutating func checkBind(
        _ address: SocketAddress, at position: SourcePosition,
        against others: [(address: SocketAddress, position: SourcePosition)]
    ) -> Bool {
        guard let other = others.first(where: { $0.address.collides(with: address) }) else { return true }
        findings.error(
            "`\(address)` is bound already by the listener in \(findings.told(other.position, from: position)); give one "
                + "of them another port, or join their routes", at: position)
        return false
    }
}
