extension RoutingTest {
    mutating func readExpectations(_ field: Field, _ findings: inout Findings) {
        guard var section = Section(field, "what is expected", example: "{ pool: api }", &findings) else { return }
        read("listener", &section, &findings) { $0.listener.name }
        read("route", &section, &findings) { $0.route ?? "none" }
        read("pool", &section, &findings) { $0.pools.count == 1 ? $0.pools.first?.name : nil }
        readPools(&section, &findings)
        read("status", &section, &findings) { $0.status.map { "\($0)" } }
        read("reason", &section, &findings) { explanation in
            switch explanation.outcome {
            case .refused(_, let reason): reason
            case .noRoute: "no_route"
            default: nil
            }
        }
        read("location", &section, &findings) { $0.location }
        read("path", &section, &findings) { $0.forwarded.map { String($0.path.prefix { $0 != "?" }) } }
        read("host", &section, &findings) { $0.forwarded?.host }
        readHeaders("headers", &section, &findings) { $0.forwarded?.edits }
        readHeaders("response_headers", &section, &findings) { $0.responseEdits }
        section.finish(&findings)
        if expectations.isEmpty, !findings.hasErrors {
            findings.error("`expect` says nothing; expected at least one, such as `{ pool: api }`", at: field.position)
        }
    }

    private mutating func read(
        _ key: String, _ section: inout Section, _ findings: inout Findings,
        found: @escaping @Sendable (RequestExplanation) -> String?
    ) {
        guard let text = section.take(key)?.text(expected: "text", &findings) else { return }
        expectations.append(Expectation(what: key, expected: text.value, position: text.position, found: found))
    }

    /// Names with or without weights: `[web, web-next]` or `{ web: 95, web-next: 5 }`, in any order.
    private mutating func readPools(_ section: inout Section, _ findings: inout Findings) {
        guard let field = section.take("pools") else { return }
        switch field.node.content {
        case .sequence(let items):
            let names = items.compactMap(\.text).sorted()
            expectations.append(
                Expectation(what: "pools", expected: names.joined(separator: ", "), position: field.position) {
                    $0.pools.isEmpty ? nil : $0.pools.map(\.name).sorted().joined(separator: ", ")
                })
        case .mapping(let entries):
            let shares = entries.compactMap { entry in
                entry.value.text.flatMap { Double($0) }.map { (entry.key.value, $0) }
            }
            let total = shares.reduce(0) { $0 + $1.1 }
            guard shares.count == entries.count, total > 0 else { fallthrough }
            let expected = Self.words(shares.map { ($0.0, 100 * $0.1 / total) })
            expectations.append(
                Expectation(what: "pools", expected: expected, position: field.position) {
                    $0.pools.isEmpty ? nil : Self.words($0.pools.map { ($0.name, $0.share) })
                })
        default:
            field.reject(expected: "names of pools such as `[web, web-next]` or `{ web: 95, web-next: 5 }`", &findings)
        }
    }

    private static func words(_ shares: [(String, Double)]) -> String {
        shares.sorted { $0.0 < $1.0 }.map { "\($0.0) \(($0.1 * 10).rounded() / 10)%" }.joined(separator: ", ")
    }

    /// What the route makes of fields: a value, or `absent`.
    private mutating func readHeaders(
        _ key: String, _ section: inout Section, _ findings: inout Findings,
        edits: @escaping @Sendable (RequestExplanation) -> [RequestExplanation.Edit]?
    ) {
        guard let field = section.take(key) else { return }
        guard case .mapping(let entries) = field.node.content else {
            field.reject(
                expected: "a mapping from names to what the route makes of them, such as `{ X-Debug: absent }`",
                &findings)
            return
        }
        for entry in entries {
            guard let value = entry.value.text else {
                Field(key: entry.key, node: entry.value).reject(expected: "a value, or `absent`", &findings)
                continue
            }
            let name = entry.key.value
            expectations.append(
                Expectation(what: "\(key).\(name)", expected: value, position: entry.value.position) { explanation in
                    guard let edits = edits(explanation) else { return nil }
                    let own = edits.filter { $0.name.lowercased() == name.lowercased() }
                    if own.isEmpty { return "untouched" }
                    // What is removed goes before anything is added; several values are one list (RFC 9110 section 5.3).
                    let values = own.compactMap(\.value)
                    return values.isEmpty ? "absent" : values.joined(separator: ", ")
                })
        }
    }
}
