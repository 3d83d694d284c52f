import ApusModel
import ApusRouting

/// A route's `cors`: which pages of other origins may read its responses.
extension CrossOriginRules: Keyed {
    static let usual = CrossOriginRules(origins: [])

    static let keys: [SectionKey<CrossOriginRules>] = [
        SectionKey(
            "origins", \.origins, originList, "The origins of those pages.", needed: "https://app.example.com"),
        SectionKey("methods", \.methods, methodList, "Methods that preflights allow."),
        SectionKey("headers", \.headers, headerNames, "Headers of requests that preflights allow."),
        SectionKey(
            "expose", \.exposed, exposedNames, "Headers of responses that pages may read besides the usual ones.",
            usually: "none"),
        SectionKey(
            "credentials", \.allowsCredentials, .onOrOff, "Whether cookies may be sent along, and the answer be read."),
        SectionKey(
            "max_age", \.maxAge, Kind.seconds(in: Bounds.preflightAges).ifWritten,
            "How long browsers remember a preflight's answer.", usually: "what browsers do, 5s"),
    ]

    // MARK: - Values

    private static let originList = Kind<[OriginPattern]>(
        Shape.text().oneOrMore,
        words:
            "`https://app.example.com`, `\"https://*.example.com\"`, `~` and a regular expression, `\"*\"`, or a list",
        told: { list($0.map(\.words)) }, read: { OriginPattern.list($0, &$1) })

    private static let methodList = Kind<[String]>(
        Shape.text().oneOrMore, words: "a method, or a list of them", told: { list($0) },
        read: { field, findings in
            names(field, each: "a method such as `PUT`", &findings) {
                $0.token(expected: "a method such as `PUT`", &$1)
            }
        })

    private static let headerNames = Kind<Headers>(
        Shape.text().oneOrMore, words: "a header, a list of them, or `\"*\"` for those that are asked for",
        told: { if case .these(let names) = $0 { list(names) } else { .word("\"*\"") } },
        read: { field, findings in
            if field.node.text == "*" { return .asked }
            return names(field, each: "the name of a header", &findings) { $0.headerName(&$1) }.map { .these($0) }
        })

    private static let exposedNames = Kind<[String]>(
        Shape.text().oneOrMore, words: "a header, or a list of them", told: { list($0) },
        read: { field, findings in
            names(field, each: "the name of a header", &findings) { $0.headerName(&$1) }
        })

    private static func list(_ words: [String]) -> Settings.Value? {
        guard let first = words.first else { return nil }
        return .word(words.count == 1 ? first : "[" + words.joined(separator: ", ") + "]")
    }

    /// One name, or a list of names that are all different.
    private static func names(
        _ field: Field, each expected: String, _ findings: inout Findings,
        read: (Field, inout Findings) -> String?
    ) -> [String]? {
        let items = if case .sequence(let items) = field.node.content { items.map(field.item) } else { [field] }
        if items.isEmpty {
            field.reject(expected: "\(expected), or a list of them", hint: "leave it out to name none", &findings)
        }
        var names: [String] = []
        for item in items {
            guard let name = read(item, &findings) else { continue }
            let isKnown = names.contains { $0.lowercased() == name.lowercased() }
            if isKnown { findings.error("`\(name)` is listed twice; keep one", at: item.position) }
            names.append(name)
        }
        if names.reduce(0, { $0 + $1.utf8.count + 2 }) > Bounds.crossOriginListBytes {
            findings.error(
                "`\(field.key.value)`: expected at most \(Bounds.crossOriginListBytes) bytes of names; name fewer",
                at: field.position)
            return nil
        }
        return names.isEmpty || names.count < items.count ? nil : names
    }

    // MARK: - Checks

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        checkOrigins(written, &findings)
        checkMethods(written, &findings)
        guard let field = written.right("expose"), exposed.contains("*") else { return }
        if allowsCredentials {
            findings.error(
                "`expose`: with `credentials: on` a browser takes `*` for a header of that name; name the headers",
                at: field.position)
        } else if exposed.count > 1 {
            findings.warning("`expose`: the other headers have no effect beside `*`, which is all", at: field.position)
        }
    }

    private mutating func checkOrigins(_ written: WrittenKeys, _ findings: inout Findings) {
        guard let field = written.right("origins") else { return }
        if allowsEveryOrigin {
            if allowsCredentials, let credentials = written.right("credentials") {
                findings.error(
                    "`credentials: on` cannot stand beside the origin `*`: any page could read what users see who are "
                        + "logged in; list the origins that may, such as `origins: https://app.example.com`",
                    at: credentials.key.position)
            }
            if origins.count > 1 {
                findings.warning(
                    "`origins`: the others have no effect beside `*`, which is every origin; keep one or the others",
                    at: field.position)
            }
            return
        }
        let items = if case .sequence(let items) = field.node.content { items.map(field.item) } else { [field] }
        guard items.count == origins.count else { return }
        for (index, origin) in origins.enumerated() {
            guard case .exact(let text) = origin else { continue }
            let others = origins.indices.filter { $0 != index && !origins[$0].isExact }
            guard let wider = others.first(where: { origins[$0].matches(text.span) }) else { continue }
            findings.warning(
                "`\(origin.words)` has no effect: `\(origins[wider].words)` allows it; keep one",
                at: items[index].position)
        }
    }

    /// Methods that need no preflight, and those that browsers let nobody send.
    private func checkMethods(_ written: WrittenKeys, _ findings: inout Findings) {
        guard let field = written.right("methods") else { return }
        let items = if case .sequence(let items) = field.node.content { items.map(field.item) } else { [field] }
        for item in items {
            guard let method = item.node.text else { continue }
            if method == "*" {
                findings.error("`methods`: name the methods, such as `[GET, PUT, DELETE]`", at: item.position)
            } else if ["CONNECT", "TRACE", "TRACK"].contains(method.uppercased()) {
                findings.warning("`\(method)` has no effect: browsers let no page send it", at: item.position)
            } else if Self.usualMethods.contains(method.uppercased()), method != method.uppercased() {
                findings.error("`\(method)`: methods have case: write `\(method.uppercased())`", at: item.position)
            }
        }
    }
}

extension OriginPattern {
    var isExact: Bool { if case .exact = self { true } else { false } }
}
