import ApusHTTP

extension RequestExplanation {
    /// For people, several lines.
    public var text: String {
        var lines = ["\(method) \(path)\(query) for host \(host.isEmpty ? "(none)" : host), from \(client)", ""]
        let because = listener.reason.map { " (\($0))" } ?? ""
        let called = listener.name == listener.address ? "" : " at \(listener.address)"
        lines.append("listener  \(listener.name)\(called)\(Self.place(listener.origin))\(because)")
        if let proxyProtocol {
            lines.append(
                "proxy     connections from \(proxyProtocol) must begin with a PROXY header, which names the client")
        }
        if let certificate { lines.append("tls       shows \(certificate)") }
        if let clientCertificate { lines.append("client    \(clientCertificate)") }
        lines += ways
        if !removedHeaders.isEmpty {
            lines.append("headers   removed before routes see them: \(removedHeaders.joined(separator: ", "))")
        }
        lines += trace(atMost: 30)
        if let cors { lines.append("cors      \(cors)") }
        lines += answer
        lines += pools.flatMap(Self.lines(of:))
        if !rules.isEmpty {
            lines += ["", "in force"]
            let width = rules.map { "\($0.key) \($0.value)".count }.max() ?? 0
            lines += rules.map { rule in
                let words = "\(rule.key) \(rule.value)"
                return "  \(words)\(String(repeating: " ", count: width - words.count))  \(rule.from)"
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The routes that were tried, the last of them the one that was taken; of many, those that came nearest.
    public func trace(atMost limit: Int) -> [String] {
        guard !trials.isEmpty else { return [] }
        var lines = ["routes"]
        let left = trials.count - limit
        // The host is asked first: who fails at something else came further.
        var shown = trials.indices.filter { trials[$0].matches || trials[$0].mismatch?.hasPrefix("host") != true }
        if left <= 0 { shown = Array(trials.indices) }
        shown = shown.suffix(limit)
        if shown.count < trials.count {
            let count = trials.count - shown.count
            lines.append("  \(count == 1 ? "1 more route does" : "\(count) more routes do") not match")
        }
        let width = shown.map { trials[$0].route.count }.max() ?? 0
        for index in shown {
            let trial = trials[index]
            let name = trial.route + String(repeating: " ", count: width - trial.route.count)
            lines.append(
                "  \(trial.matches ? "+" : "-") \(name)  \(trial.mismatch ?? "matches")\(Self.place(trial.origin))")
        }
        return lines
    }

    /// The readings of the path, if there are several.
    private var ways: [String] {
        guard !readings.isEmpty else { return [] }
        let paths = readings.map { $0.path ?? "above the root" }
        let width = paths.map(\.count).max() ?? 0
        return ["path      can be read in \(readings.count) ways"]
            + zip(readings, paths).map { reading, path in
                let route = reading.path == nil ? "" : "  \(reading.route.map { "route \($0)" } ?? "no route")"
                return "  \(path)\(route.isEmpty ? "" : String(repeating: " ", count: width - path.count))\(route)"
            }
    }

    private var answer: [String] {
        var lines: [String] = []
        switch outcome {
        case .refused(let status, let reason):
            lines.append("answer    \(status), refused: \(reason)")
            if reason == "\(Reason.ambiguousPath.token)" { lines.append(contradiction) }
        case .noHandshake: lines.append("answer    none: the TLS handshake fails")
        case .noRoute: lines.append("answer    404: no route matches (no_route)")
        case .redirect(let status, let location):
            lines.append("answer    \(status), Location: \(concealingQuery(location))")
        case .respond(let status, let body): lines.append("answer    \(status), body \(body)")
        case .forward(let split):
            if pools.count > 1 { lines.append("split by  \(split ?? "chance")") }
        }
        if let forwarded {
            lines.append("origin    gets \(forwarded.method) \(forwarded.path), Host: \(forwarded.host)")
            lines += (forwarded.edits + forwarded.certificateFields).map { "          \($0.words)" }
        }
        if !responseEdits.isEmpty {
            lines.append("response  changed on its way back")
            lines += responseEdits.map { "          \($0.words)" }
        }
        return lines
    }

    /// Why a path is ambiguous.
    private var contradiction: String {
        if route != nil { return "          the path that the route makes could be read as one with `..`" }
        let differ = readings.contains { $0.path == nil } || Set(readings.map(\.route)).count > 1
        return differ
            ? "          an origin may read the path as one of another route; `paths` of the listener decides"
            : "          the path has more readings than `paths` of the listener allows"
    }

    private static func lines(of pool: Pool) -> [String] {
        let share = pool.share == 100 ? "" : ", \(rounded(pool.share))% of the requests"
        var lines = ["pool      \(pool.name): \(pool.balance)\(share)\(place(pool.origin))"]
        lines += pool.rules.map { "            \($0)" }
        let width = pool.endpoints.map(\.name.count).max() ?? 0
        for endpoint in pool.endpoints {
            let name = endpoint.name + String(repeating: " ", count: width - endpoint.name.count)
            let tier = endpoint.backup ? "  backup" : endpoint.tier == 0 ? "" : "  tier \(endpoint.tier)"
            let state = endpoint.state ?? (endpoint.weight == 0 ? "drains: for its sessions only" : "")
            let sign = endpoint.mayBePicked == false ? "-" : "+"
            lines.append(
                "          \(sign) \(name)  weight \(endpoint.weight)\(tier)\(state.isEmpty ? "" : "  \(state)")")
        }
        return lines
    }

    private static func place(_ origin: String?) -> String { origin.map { "  [\($0)]" } ?? "" }

    private static func rounded(_ share: Double) -> String {
        let tenths = Int((share * 10).rounded())
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }
}

extension RequestExplanation.Edit {
    /// `set X-Real-IP: 10.0.0.1`, `remove X-Debug`.
    var words: String { value.map { "\(action) \(name): \($0)" } ?? "\(action) \(name)" }
}
