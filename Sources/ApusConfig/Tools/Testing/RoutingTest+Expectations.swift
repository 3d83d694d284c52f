import ApusHTTP

extension RoutingTest {
    mutating func readExpectations(_ field: Field, _ findings: inout Findings) {
        guard var section = Section(field, "what is expected", example: "{ pool: api }", &findings) else { return }
        if let field = section.take("listener"), let text = field.text(expected: "text", &findings) {
            expect("listener", text) { $0.listener.name == text.value ? nil : $0.listener.name }
        }
        readHandshake(&section, &findings)
        readCertificate(&section, &findings)
        read("route", &section, &findings) { $0.route }
        read("pool", &section, &findings) { explanation in
            let names = explanation.pools.map(\.name)
            return names.count > 1 ? "several: \(names.joined(separator: ", "))" : names.first
        }
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
        readHeaders("headers", &section, &findings) { explanation, name in
            explanation.forwarded.map { Self.words(of: name, $0, explanation) } ?? "none: no origin gets the request"
        }
        readHeaders("response_headers", &section, &findings) { Self.words(of: $1, $0.responseEdits) ?? "untouched" }
        section.finish(&findings)
        if expectations.isEmpty, !findings.hasErrors {
            findings.error("`expect` says nothing; expected at least one, such as `{ pool: api }`", at: field.position)
        }
    }

    private mutating func expect(
        _ what: String, _ text: Located<String>, mismatch: @escaping @Sendable (RequestExplanation) -> String?
    ) {
        expectations.append(
            Expectation(what: what, expected: text.value, position: text.position, mismatch: mismatch))
    }

    /// Something about the request, which there is none of where the handshake fails.
    ///
    /// - Parameter found: what is so; nil where there is no such thing, which `none` expects.
    private mutating func expectOfRequest(
        _ what: String, _ text: Located<String>, found: @escaping @Sendable (RequestExplanation) -> String?
    ) {
        expect(what, text) { explanation in
            if let why = explanation.handshakeFailure { return "no handshake: \(why)" }
            let found = found(explanation) ?? "none"
            return found == text.value ? nil : found
        }
    }

    private mutating func read(
        _ key: String, _ section: inout Section, _ findings: inout Findings,
        found: @escaping @Sendable (RequestExplanation) -> String?
    ) {
        guard let text = section.take(key)?.text(expected: "text", &findings) else { return }
        expectOfRequest(key, text, found: found)
    }

    /// Whether the TLS handshake succeeds.
    private mutating func readHandshake(_ section: inout Section, _ findings: inout Findings) {
        guard let field = section.take("handshake"),
            let isMade = field.word(of: [("made", true), ("refused", false)], &findings)
        else { return }
        expect("handshake", Located(value: isMade ? "made" : "refused", position: field.position)) { explanation in
            if let why = explanation.handshakeFailure { return isMade ? "refused: \(why)" : nil }
            guard explanation.certificate != nil else { return "none: the request comes without TLS" }
            return isMade ? nil : "made"
        }
    }

    /// The file of the certificate that is shown, or of one of them.
    private mutating func readCertificate(_ section: inout Section, _ findings: inout Findings) {
        guard let field = section.take("certificate"),
            let text = field.text(expected: "the file of a certificate, such as `site.pem`", &findings)
        else { return }
        expect("certificate", text) { explanation in
            let files = explanation.certificateFiles
            if files.contains(where: { Self.isPath($0, of: text.value) }) { return nil }
            if !files.isEmpty { return files.joined(separator: " or ") }
            if let why = explanation.handshakeFailure { return "no handshake: \(why)" }
            return text.value == "none" ? nil : "none: the request comes without TLS"
        }
    }

    /// Whether a file is the one of that name: as a configuration writes it, seen from its own folder, or without any.
    private static func isPath(_ path: String, of name: String) -> Bool {
        var name = name[...]
        while let start = ["./", "../"].first(where: name.hasPrefix) { name = name.dropFirst(start.count) }
        return path == name || path.hasSuffix("/\(name)")
    }

    /// Names with or without weights: `[web, web-next]` or `{ web: 95, web-next: 5 }`, in any order.
    private mutating func readPools(_ section: inout Section, _ findings: inout Findings) {
        guard let field = section.take("pools") else { return }
        switch field.node.content {
        case .sequence(let items):
            let names = items.compactMap(\.text).sorted()
            let expected = Located(value: names.joined(separator: ", "), position: field.position)
            expectOfRequest("pools", expected) {
                $0.pools.isEmpty ? nil : $0.pools.map(\.name).sorted().joined(separator: ", ")
            }
        case .mapping(let entries):
            let shares = entries.compactMap { entry in
                entry.value.text.flatMap { Double($0) }.map { (entry.key.value, $0) }
            }
            let total = shares.reduce(0) { $0 + $1.1 }
            guard shares.count == entries.count, total > 0 else { fallthrough }
            let expected = Self.words(shares.map { ($0.0, 100 * $0.1 / total) })
            expectOfRequest("pools", Located(value: expected, position: field.position)) {
                $0.pools.isEmpty ? nil : Self.words($0.pools.map { ($0.name, $0.share) })
            }
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
        found: @escaping @Sendable (RequestExplanation, _ name: String) -> String?
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
            expectOfRequest("\(key).\(name)", Located(value: value, position: entry.value.position)) {
                found($0, name)
            }
        }
    }

    /// What becomes of a field on its way to the origin.
    private static func words(
        of name: String, _ forwarded: RequestExplanation.Forwarded, _ explanation: RequestExplanation
    ) -> String {
        if let words = words(of: name, forwarded.edits) { return words }
        // Nobody knows here what stands in it.
        if forwarded.certificateFields.contains(where: { $0.name.lowercased() == name.lowercased() }) { return "set" }
        if ClientFieldRules.isOfCertificate(name) { return "absent" }
        guard explanation.removedHeaders.contains(where: { $0.lowercased() == name.lowercased() }) else {
            return "untouched"
        }
        // X-Forwarded-Prefix has a value where a route takes one off alone.
        let isWritten = ClientFieldRules.role(of: name) == .written && name.lowercased() != "x-forwarded-prefix"
        return isWritten ? "set" : "absent"
    }

    /// What edits make of a field; nil where they leave it alone.
    private static func words(of name: String, _ edits: [RequestExplanation.Edit]) -> String? {
        let own = edits.filter { $0.name.lowercased() == name.lowercased() }
        if own.isEmpty { return nil }
        // What is removed goes before anything is added; several values are one list (RFC 9110 section 5.3).
        let values = own.compactMap(\.value)
        return values.isEmpty ? "absent" : values.joined(separator: ", ")
    }
}
