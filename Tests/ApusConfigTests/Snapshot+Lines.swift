import ApusModel

extension Snapshot {
    /// Everything that it says, as the golden files have it: of pools only what is not the default.
    var inLines: [String] {
        var lines = ["workers \(workers)", "node \(node), zone \(zone ?? "none")"]
        for listener in listeners {
            lines.append("listener \(listener.name) at \(listener.bind)")
            for route in routes[listener.routes] {
                let priority = route.priority == .normal ? "" : ", \(route.priority) priority"
                lines.append(
                    "  route \(route.name): \((route.match.hosts.first ?? .any).inWords), \(route.match.path.inWords) -> \(route.pools.map { pools[$0.pool].name }.joined(separator: " "))"
                        + priority)
            }
        }
        for pool in pools { lines += inLines(pool) }
        lines.append("\(timeouts)")
        lines.append("\(limits)")
        lines.append("trusted proxies: \(trustedProxies.map(\.description).joined(separator: " "))")
        lines.append("access log: \(accessLog)")
        lines.append("admin: \(operations.admin.map { told($0.bind) } ?? "none")")
        return lines
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
        for endpoint in endpoints[pool.endpoints] {
            var line = "  endpoint \(endpoint.name) at \(endpoint.address), weight \(endpoint.weight)"
            if endpoint.tier != 0 { line += ", tier \(endpoint.tier)" }
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
        case .regex(let expression): "paths with ~ \(expression.text)"
        }
    }
}
