import ApusAddresses
public import ApusModel

/// What a configuration will do, in a line for each listener and each pool: what `apus check` prints.
public struct ConfigurationDescription: Sendable {
    public let lines: [String]

    public init(_ snapshot: Snapshot) {
        lines =
            snapshot.listeners.filter { !$0.isRetired }.map { Self.line($0, snapshot) }
            + snapshot.pools.filter { !$0.isRetired }.map { Self.line($0, snapshot) }
            + snapshot.operations.admin.map(Self.line)
    }

    /// `listener  web at 0.0.0.0:8080: 12 routes to api, web`.
    private static func line(_ listener: Listener, _ snapshot: Snapshot) -> String {
        let address = "\(listener.bind)"
        let name = listener.name == address ? address : "\(listener.name) at \(address)"
        let routes = snapshot.routes[listener.routes]
        let pools = Set(routes.flatMap { $0.pools.map(\.pool) }).sorted().map { snapshot.pools[$0].name }
        let own = routes.count { $0.pools.isEmpty }
        var targets = pools.prefix(6).joined(separator: ", ")
        if pools.count > 6 { targets += " and \(pools.count - 6) more" }
        var words = counted(routes.count, "route")
        if !targets.isEmpty { words += " to \(targets)" }
        if own > 0 { words += pools.isEmpty ? ", answered by Apus" : ", \(own) of them answered by Apus" }
        if let tls = listener.tls { words += ", " + Self.words(tls) }
        if !listener.proxyNetworks.isEmpty {
            words += ", PROXY protocol from \(listener.proxyNetworks.map(\.description).joined(separator: ", "))"
        }
        return "listener  \(name): \(words)"
    }

    /// `TLS 1.3 with 2 certificates (a.test, b.test), asks clients for certificates`.
    private static func words(_ tls: ListenerTLS) -> String {
        var names: [String] = []
        for name in tls.certificates.flatMap(\.names) where !names.contains(name) { names.append(name) }
        var shown = names.prefix(3).joined(separator: ", ")
        if names.count > 3 { shown += " and \(names.count - 3) more" }
        var words = "TLS"
        if tls.minimum != ListenerTLS().minimum { words += " \(tls.minimum.rawValue)" }
        words += " with \(counted(tls.certificates.count, "certificate"))"
        if !shown.isEmpty { words += " (\(shown))" }
        guard tls.asksClients else { return words }
        let asksAll = tls.certificates.allSatisfy { $0.clients != nil }
        return words + ", asks \(asksAll ? "clients" : "some clients") for certificates"
    }

    /// `admin     127.0.0.1:9900: read`, or `admin     0.0.0.0:9900: change, with a token, for lb.example.com`.
    private static func line(_ admin: Admin) -> String {
        var parts = [admin.grantedRole.rawValue]
        if let tls = admin.tls {
            let isAsking = tls.certificates.contains { $0.clients?.mode == .required }
            parts.append(isAsking ? "TLS with certificates of clients" : "TLS")
        }
        if admin.token != nil { parts.append("with a token") }
        if let hosts = admin.hosts, !hosts.isEmpty { parts.append("for \(hosts.joined(separator: ", "))") }
        return "admin     \(admin.bind): \(parts.joined(separator: ", "))"
    }

    /// `pool      web: peak-ewma, 3 endpoints, health GET /healthz every 5s, sticky by cookie, 3 attempts`.
    private static func line(_ pool: Pool, _ snapshot: Snapshot) -> String {
        let endpoints = snapshot.endpoints[pool.endpoints].filter { !$0.isRetired }
        var parts = [pool.balance == .hash ? "hash of \(pool.hash.key.words)" : pool.balance.rawValue]
        parts.append(counted(endpoints.count, "endpoint"))
        let backups = endpoints.count { $0.tier > 0 || $0.isBackup }
        let drained = endpoints.count { $0.weight == 0 && !$0.isUnresolved }
        let unresolved = endpoints.count(where: \.isUnresolved)
        if backups > 0 { parts.append(counted(backups, "backup") + " among them") }
        if drained > 0 { parts.append("\(drained) with weight 0") }
        if unresolved > 0 { parts.append("\(unresolved) without an address") }
        switch pool.health.probe {
        case .none: parts.append("no health checks")
        case .tcp: parts.append("health by TCP every \(pool.health.interval.configured)")
        case .tcpExchange: parts.append("health by a TCP exchange every \(pool.health.interval.configured)")
        case .http(let probe):
            let path = concealingQuery(probe.path)
            parts.append("health \(probe.method) \(path) every \(pool.health.interval.configured)")
        }
        switch pool.sticky?.kind {
        case nil: break
        case .cookie(let cookie): parts.append("sticky by cookie \(cookie.name)")
        case .learned(let name, _, _): parts.append("sticky by the application's cookie \(name)")
        }
        if let tls = pool.tls { parts.append(tls.authorities == nil ? "TLS, not verified" : "TLS") }
        if let version = pool.proxyProtocol { parts.append("PROXY protocol \(version.rawValue)") }
        parts.append(counted(pool.retries.attempts, "attempt"))
        let rules = Settings(pool, of: snapshot)
        if pool.outliers == nil { parts.append("outliers off") }
        parts += ["outliers", "breaker", "pool_breaker", "hedge", "concurrency", "trailers"].filter { key in
            rules.entries.contains { $0.key == key && !$0.isUsual && $0.value != .word("off") }
        }
        return "pool      \(pool.name): \(parts.joined(separator: ", "))"
    }
}
