import ApusModel

extension Validation {
    /// The listeners, nil where one cannot be built, and all their routes.
    mutating func listenersAndRoutes() -> ([Listener?], [Route]) {
        var listeners: [Listener?] = []
        var routes: [Route] = []
        for section in root.listeners {
            let first = routes.count
            if let sections = section.routes {
                for section in sections {
                    guard let route = route(section) else { continue }
                    routes.append(route)
                    origins.routes.append(place(section.position))
                }
                checkReachability(sections)
            } else if root.pools.count == 1 {
                routes.append(Route(name: "*", pool: 0))
                origins.routes.append(place(section.position))
            } else if root.pools.count > 1 {
                findings.error(
                    "a listener needs `routes` when there is more than one pool, such as "
                        + "`routes: [{ pool: \(root.pools[0].name.value) }]`", at: section.position)
            }
            let listener = section.bind.flatMap { bind in
                address(of: bind).map { address in
                    Listener(
                        name: section.name?.value ?? bind.value.text, bind: address, routes: first..<routes.count)
                }
            }
            listeners.append(listener)
            origins.listeners.append(place(section.position))
        }
        return (listeners, routes)
    }

    private mutating func route(_ section: RouteSection) -> Route? {
        guard let pool = section.pool.flatMap({ pool(named: $0) }) else { return nil }
        if let position = section.priorityPosition, root.pools[pool].concurrency == nil {
            findings.warning(
                "`priority` has no effect: the pool `\(root.pools[pool].name.value)` refuses nothing; give it a limit with "
                    + "`concurrency: adaptive`", at: position)
        }
        return Route(
            name: section.name, host: section.host, path: section.path, pool: pool, priority: section.priority)
    }

    /// A route that an earlier one leaves nothing to is a mistake: it, or the order, was meant otherwise.
    private mutating func checkReachability(_ routes: [RouteSection]) {
        for (index, route) in routes.enumerated() where route.isUnderstood {
            let earlier = routes[..<index].first { other in
                other.isUnderstood && other.host.covers(route.host) && other.path.covers(route.path)
            }
            guard let earlier else { continue }
            findings.error(
                "the route `\(route.name)` can never match: the route `\(earlier.name)` in line "
                    + "\(earlier.position.line) matches all that it could; move it before that one, or remove it",
                at: route.position)
        }
    }

    /// No two listeners may share an address or a name, and the admin server has its own.
    mutating func checkBinds(_ listeners: [Listener?], _ admin: SocketAddress?) {
        var binds: [(address: SocketAddress, line: Int, what: String)] = []
        var names: [String: Int] = [:]
        for (section, listener) in zip(root.listeners, listeners) {
            guard let listener, let bind = section.bind else { continue }
            let isFree = checkBind(listener.bind, at: bind.position, against: binds)
            binds.append((listener.bind, bind.position.line, "the listener"))
            let position = section.name?.position ?? bind.position
            if let line = names.updateValue(position.line, forKey: listener.name), isFree {
                findings.error(
                    "the name `\(listener.name)` also belongs to the listener in line \(line); give each its own `name`",
                    at: position)
            }
        }
        if let admin, let bind = root.admin {
            _ = checkBind(admin, at: bind.position, against: binds)
        }
    }

    private mutating func checkBind(
        _ address: SocketAddress, at position: SourcePosition,
        against others: [(address: SocketAddress, line: Int, what: String)]
    ) -> Bool {
        guard let other = others.first(where: { $0.address.collides(with: address) }) else { return true }
        findings.error(
            "`\(address)` is bound already by \(other.what) in line \(other.line); "
                + "give one of them another port, or join their routes", at: position)
        return false
    }
}

extension SocketAddress {
    /// Whether both cannot be bound at once. A single address beside all addresses is no collision: the system hands a
    /// connection to the more exact of the two.
    fileprivate func collides(with other: SocketAddress) -> Bool {
        let everything = [IPAddress.anyIPv4, .anyIPv6]
        guard port == other.port, port != 0 else { return false }
        return ip == other.ip || (everything.contains(ip) && everything.contains(other.ip))
    }
}
