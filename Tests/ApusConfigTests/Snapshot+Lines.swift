import ApusAddresses
import ApusModel
import ApusRouting

extension Snapshot {
    /// Everything that it says, as the golden files have it: of pools only what is not the default.
    var inLines: [String] {
        var lines = ["workers \(workers)", "node \(node), zone \(zone ?? "none")"]
        for listener in listeners {
            let paths = listener.paths == .safe ? "" : ", \(listener.paths.rawValue) paths"
            let reasons = listener.hidesReasons ? ", hides reasons" : ""
            let halves = listener.servesHalfClosed ? ", serves the half-closed" : ""
            lines.append("listener \(listener.name) at \(listener.bind)\(paths)\(reasons)\(halves)")
            if !listener.proxyNetworks.isEmpty {
                lines.append(
                    "  PROXY protocol from \(listener.proxyNetworks.map(\.description).joined(separator: " "))")
            }
            if let tls = listener.tls { lines += inLines(tls) }
            for route in routes[listener.routes] { lines += inLines(route) }
        }
        for pool in pools { lines += inLines(pool) }
        lines.append("\(timeouts)")
        lines.append("\(limits)")
        lines.append("trusted proxies: \(trustedProxies.map(\.description).joined(separator: " "))")
        if clientFields != ClientFields() { lines.append("client fields: \(told(clientFields))") }
        lines += inLines(accessLog)
        if operations.admin.isEmpty { lines.append("admin: none") }
        for admin in operations.admin {
            lines.append("admin: \(admin.bind), role \(admin.role)")
            if let token = admin.token { lines.append("  token of \(token.bytes.count) bytes") }
            if let hosts = admin.hosts { lines.append("  hosts \(hosts.joined(separator: ", "))") }
            if let tls = admin.tls { lines += inLines(tls) }
            for pattern in admin.files { lines.append("  files \(pattern)") }
        }
        var others = operations
        others.admin = []
        if others != Operations() { lines.append("operations: \(told(others))") }
        return lines
    }

    private func inLines(_ tls: ListenerTLS) -> [String] {
        let words =
            "from TLS \(tls.minimum.rawValue)\(tls.isStrict ? ", strict" : "")\(tls.hasTickets ? "" : ", no tickets")"
            + (tls.groups == TLSGroup.usual ? "" : ", groups \(tls.groups.map(\.rawValue))")
            + (tls.ciphers == TLSCipher.usual ? "" : ", ciphers \(tls.ciphers.map(\.rawValue))")
            + (tls.ticketKeys.map { ", ticket keys \($0.file) (\($0.count))" } ?? "")
            + (tls.ticketRotation == ListenerTLS.usualTicketRotation ? "" : ", tickets' keys for \(tls.ticketRotation)")
        return ["  \(words)"]
            + tls.certificates.flatMap { shown in
                ["  \(inLine(shown.certificate)) for \(shown.names.joined(separator: " "))"]
                    + (shown.clients.map { ["    " + inLine($0)] } ?? [])
            }
    }

    private func inLine(_ clients: ClientCertificateRules) -> String {
        let revoked = clients.revoked.map { ", revoked by \($0.file) (\($0.count), until \($0.nextUpdate ?? 0))" } ?? ""
        return
            "clients \(clients.mode.rawValue), of \(clients.authorities.file) (\(clients.authorities.count))\(revoked), "
            + "names \(clients.names.map(\.text)), told by \(clients.telling.map(\.rawValue))"
    }

    private func inLine(_ certificate: Certificate) -> String {
        "certificate \(certificate.file ?? "(text)") with \(certificate.keyFile ?? "(text)"), \(certificate.keyKind) "
            + "\(certificate.keyBits), until \(certificate.notAfter)"
            + (certificate.stapled.map { ", OCSP \($0.file) until \($0.until.map { "\($0)" } ?? "never")" } ?? "")
    }

    private func inLine(_ tls: PoolTLS) -> String {
        let trust = tls.authorities.map { "\($0.file) (\($0.count))" } ?? "everybody"
        let own = tls.certificate.map { ", shows \(inLine($0))" } ?? ""
        return "TLS from \(tls.minimum.rawValue), to \(tls.name ?? "each by its name"), trusting \(trust)\(own)"
            + (tls.offersProtocols ? "" : ", no ALPN")
    }

    private func inLines(_ log: AccessLog) -> [String] {
        guard let destination = log.destination else { return ["access log: off"] }
        var lines = ["access log: \(told(destination))"]
        if log.format != .json { lines.append("  format: \(told(log.format))") }
        if log.oneIn != 1 { lines.append("  one in \(log.oneIn)\(log.alwaysLogsFailures ? " and all failures" : "")") }
        return lines
    }

    private func inLines(_ route: Route) -> [String] {
        let hosts = route.match.hosts.isEmpty ? "any host" : route.match.hosts.map(\.inWords).joined(separator: " or ")
        let priority = route.priority == .normal ? "" : ", \(route.priority) priority"
        var lines = [
            "  route \(route.name): \(hosts), \(route.match.path.inWords) -> \(inWords(route.action))" + priority
        ]
        let usual = Route(name: "", action: route.action)
        func tell<Value: Equatable>(_ name: String, _ part: KeyPath<Route, Value>) {
            if route[keyPath: part] != usual[keyPath: part] {
                lines.append("    \(name): \(told(route[keyPath: part]))")
            }
        }
        tell("methods", \.match.methods)
        for (what, conditions) in [
            ("header", route.match.fields), ("query", route.match.query), ("cookie", route.match.cookies),
        ] {
            lines += conditions.map { "    \(what) \($0.name): \($0.isNegated ? "not " : "")\(told($0.test))" }
        }
        if !route.match.clients.isEmpty {
            lines.append("    clients: \(route.match.clients.map(\.description).joined(separator: " "))")
        }
        switch route.rewrite {
        case nil: break
        case .prefix(let prefix): lines.append("    prefix becomes \(String(decoding: prefix, as: UTF8.self))")
        case .template(let template): lines.append("    path becomes \(template.inWords)")
        }
        if let host = route.hostRewrite { lines.append("    host becomes \(host.inWords)") }
        lines += route.requestFields.map { "    request: \($0.inWords)" }
        lines += route.responseFields.map { "    response: \($0.inWords)" }
        tell("timeouts", \.timeouts)
        tell("retries", \.retries)
        tell("limits", \.limits)
        if let requirement = route.clientCertificate {
            lines.append(
                "    lets in certificates of \(requirement.names.isEmpty ? "all" : "\(requirement.names.map(\.text))")")
        }
        if let cors = route.cors {
            lines.append("    cors: \(cors.origins.map(\.inWords).joined(separator: " "))")
            if cors.methods != CrossOriginRules.usualMethods { lines.append("      methods: \(cors.methods)") }
            if case .these(let names) = cors.headers { lines.append("      headers: \(names)") }
            if !cors.exposed.isEmpty { lines.append("      exposes: \(cors.exposed)") }
            if cors.allowsCredentials { lines.append("      credentials") }
            if let age = cors.maxAge { lines.append("      max age: \(age)") }
        }
        return lines
    }

    private func inWords(_ action: RouteAction) -> String {
        switch action {
        case .forward(let split):
            guard split.pools.count > 1 else { return split.pools.map { pools[$0.pool].name }.joined() }
            return split.pools.map { "\(pools[$0.pool].name) (\($0.weight))" }.joined(separator: " ")
                + (split.key.map { " by \(told($0))" } ?? "")
        case .redirect(let redirect): return "redirect \(redirect.status) to \(redirect.location.inWords)"
        case .respond(let response): return "respond \(told(response))"
        }
    }

    private func inLines(_ pool: Pool) -> [String] {
        var lines = ["pool \(pool.name): \(pool.balance.rawValue)"]
        let usual = Pool(name: "", endpoints: 0..<0)
        func tell<Value: Equatable>(_ name: String, _ part: KeyPath<Pool, Value>) {
            if pool[keyPath: part] != usual[keyPath: part] { lines.append("  \(name): \(told(pool[keyPath: part]))") }
        }
        if pool.balance == .hash || pool.hash != usual.hash { lines.append("  hash: \(told(pool.hash))") }
        tell("locality", \.locality)
        tell("slow start", \.slowStart)
        tell("sticky", \.sticky)
        lines.append("  health: \(told(pool.health))")
        tell("outliers", \.outliers)
        tell("panic threshold", \.panicThreshold)
        tell("fallback", \.fallback)
        tell("connections", \.connections)
        tell("requests", \.requests)
        tell("endpoint breaker", \.endpointBreaker)
        tell("pool breaker", \.poolBreaker)
        tell("retries", \.retries)
        tell("hedging", \.hedging)
        tell("concurrency", \.concurrency)
        tell("passes trailers", \.passesTrailers)
        if let tls = pool.tls { lines.append("  \(inLine(tls))") }
        if let version = pool.proxyProtocol { lines.append("  PROXY protocol \(version.rawValue)") }
        for endpoint in endpoints[pool.endpoints] {
            var line = "  endpoint \(endpoint.name) at \(endpoint.address), weight \(endpoint.weight)"
            if endpoint.tier != 0 { line += ", tier \(endpoint.tier)" }
            if endpoint.isBackup { line += ", backup" }
            if let zone = endpoint.zone { line += ", zone \(zone)" }
            if !endpoint.sessionToken.isEmpty {
                line += ", session \(String(decoding: endpoint.sessionToken, as: UTF8.self))"
            }
            lines.append(line)
        }
        return lines
    }
}

/// A value as Swift prints it, without the names of modules and without `Optional`; bytes as text.
private func told(_ value: Any) -> String {
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .optional { return mirror.children.first.map { told($0.value) } ?? "nil" }
    // An empty array of anything can be cast to one of bytes.
    if type(of: value) == [UInt8].self, let bytes = value as? [UInt8] {
        return String(decoding: bytes, as: UTF8.self).debugDescription
    }
    if let text = value as? String { return text.debugDescription }
    if mirror.displayStyle != .collection, let value = value as? any CustomStringConvertible {
        return value.description
    }
    switch mirror.displayStyle {
    case .collection:
        return "[" + mirror.children.map { told($0.value) }.joined(separator: ", ") + "]"
    case .enum:
        guard let child = mirror.children.first else { return "\(value)" }
        let inner = told(child.value)
        return (child.label ?? "") + (inner.hasPrefix("(") ? inner : "(\(inner))")
    case .struct, .tuple:
        let parts = mirror.children.map { child in
            let label = child.label.map { $0.hasPrefix(".") ? "" : "\($0): " } ?? ""
            return label + told(child.value)
        }
        return "(" + parts.joined(separator: ", ") + ")"
    default:
        return "\(value)"
    }
}

extension HostPattern {
    fileprivate var inWords: String {
        switch self {
        case .any: "any host"
        case .exact(let name): "host \(String(decoding: name, as: UTF8.self))"
        case .suffix(let suffix): "hosts in \(String(decoding: suffix, as: UTF8.self))"
        }
    }
}

extension PathPattern {
    fileprivate var inWords: String {
        switch self {
        case .any: "any path"
        case .exact(let path): "path \(String(decoding: path, as: UTF8.self))"
        case .prefix(let prefix): "paths in \(String(decoding: prefix, as: UTF8.self))"
        case .template(let template): "paths like \(template.text)"
        case .regex(let regex): "paths that match \(regex.text)"
        }
    }
}

extension TextTemplate {
    fileprivate var inWords: String {
        pieces.map { piece in
            switch piece {
            case .literal(let bytes): String(decoding: bytes, as: UTF8.self).debugDescription
            case .variable(let variable): told(variable)
            }
        }.joined(separator: " ")
    }
}

extension FieldEdit {
    fileprivate var inWords: String {
        switch self {
        case .set(let name, let value): "set \(name) to \(value.inWords)"
        case .add(let name, let value): "add \(name) with \(value.inWords)"
        case .remove(let name): "remove \(name)"
        }
    }
}

extension OriginPattern {
    fileprivate var inWords: String {
        switch self {
        case .any: return "any"
        case .exact(let text): return String(decoding: text, as: UTF8.self)
        case .parts(let parts):
            let port =
                switch parts.port {
                case .usual: "no"
                case .number(let digits): String(decoding: digits, as: UTF8.self)
                case .any: "any"
                }
            return "(\(String(decoding: parts.scheme, as: UTF8.self)), \(parts.host.inWords), \(port) port)"
        case .regex(let regex): return "(regex \(regex.text))"
        }
    }
}
