import ApusModel
import ApusRouting

/// What is done with a route's requests; pools are not looked up yet.
enum RouteActionSection {
    struct Branch {
        var pool: Located<String>
        var weight: Int
    }

    case forward([Branch], key: HashRules.Key?)
    case redirect(Located<Redirect>)
    case respond(FixedResponse)

    private static let keys = ["pool", "pools", "redirect", "respond"]
    /// Pools of one route at most.
    private static let poolLimit = Bounds.poolsPerRoute.upperBound

    /// Nil, with an error in `findings`, unless exactly one of the four was written, and rightly.
    init?(_ section: inout Section, _ path: PathPattern, _ findings: inout Findings) {
        let written = Self.keys.compactMap { section.take($0) }
        let splitBy = section.take("split_by")
        guard let field = written.first else {
            // That word is told by itself.
            if section.hasAnotherWord(for: Self.keys) { return nil }
            findings.error(
                "a route needs `pool`, `pools`, `redirect` or `respond`, such as `pool: web`", at: section.position)
            return nil
        }
        if written.count > 1 {
            findings.error(
                "a request goes one way: found `\(field.key.value)` and `\(written[1].key.value)` in one route; keep one",
                at: written[1].key.position)
            return nil
        }
        let key = splitBy.flatMap { Self.key($0, &findings) }
        switch field.key.value {
        case "pool":
            let hint = field.node.isMappingOrList ? "to share requests out among several, write `pools`" : nil
            guard let name = field.poolName(hint: hint, &findings) else { return nil }
            self = .forward([Branch(pool: name, weight: 1)], key: nil)
        case "pools":
            guard let branches = Self.branches(field, &findings) else { return nil }
            self = .forward(branches, key: key)
        case "redirect":
            guard let redirect = Redirect(field, path, &findings) else { return nil }
            self = .redirect(Located(value: redirect, position: field.key.position))
        default:
            guard let response = FixedResponse(field, &findings) else { return nil }
            self = .respond(response)
        }
        guard let splitBy else { return }
        if case .forward(let branches, _) = self, branches.count > 1 { return }
        findings.error(
            "`split_by` says which of several pools a request goes to, and there "
                + (field.key.value.hasPrefix("pool") ? "is one; write `pools`, or remove it" : "is none; remove it"),
            at: splitBy.key.position)
    }

    private static func branches(_ field: Field, _ findings: inout Findings) -> [Branch]? {
        let example = "{ web: 95, web-next: 5 }"
        guard case .mapping(let entries) = field.node.content else {
            field.reject(
                expected: "a mapping from pools to weights, such as `\(example)`",
                hint: field.node.text == nil ? nil : "for one pool write `pool`", &findings)
            return nil
        }
        guard !entries.isEmpty else {
            field.reject(expected: "1 to \(poolLimit) pools with weights, such as `\(example)`", &findings)
            return nil
        }
        guard entries.count <= poolLimit else {
            findings.error(
                "`pools`: expected 1 to \(poolLimit) pools with weights, such as `\(example)`, found "
                    + "\(entries.count); share out among fewer, or write several routes", at: field.position)
            return nil
        }
        var branches: [Branch] = []
        for entry in entries {
            guard let weight = Field(key: entry.key, node: entry.value).integer(in: Bounds.weights, &findings) else {
                continue
            }
            branches.append(Branch(pool: entry.key, weight: weight))
        }
        guard branches.count == entries.count else { return nil }
        if branches.allSatisfy({ $0.weight == 0 }) {
            findings.error(
                "`pools`: every weight is 0, so that no request could go anywhere; give one of them more",
                at: field.position)
            return nil
        }
        return branches
    }

    /// `client`, `path`, `header X`, `cookie X` or `query X`.
    private static func key(_ field: Field, _ findings: inout Findings) -> HashRules.Key? {
        let words = (field.node.text ?? "").split(separator: " ", omittingEmptySubsequences: true).map(String.init)
        switch (words.first, words.count) {
        case ("client", 1): return HashRules().key
        case ("path", 1): return .path
        case ("header", 2):
            return named(words[1], field).headerName(&findings).map { .header($0) }
        case ("cookie", 2):
            return named(words[1], field).cookieName(&findings).map { .cookie($0) }
        case ("query", 2):
            return named(words[1], field).parameterName(&findings).map { .query($0) }
        default:
            var hint: String?
            if let word = words.first {
                let kinds = ["client", "path", "header", "cookie", "query"]
                if words.count == 1, kinds[2...].contains(word) {
                    hint = "say which: `\(word) NAME`"
                } else if !kinds.contains(word), let meant = nearest(to: word, among: kinds) {
                    hint = "did you mean `\(meant)`?"
                }
            }
            field.reject(
                expected: "`client`, `path`, `header NAME`, `cookie NAME` or `query NAME`", hint: hint, &findings)
            return nil
        }
    }

    private static func named(_ word: String, _ field: Field) -> Field {
        Field(key: field.key, node: Node(text: word, position: field.node.position))
    }
}

extension Node {
    fileprivate var isMappingOrList: Bool { if case .scalar = content { false } else { true } }
}

extension Field {
    fileprivate func poolName(hint: String?, _ findings: inout Findings) -> Located<String>? {
        guard let text = node.text, !text.isEmpty else {
            reject(expected: "the name of a pool", hint: hint, &findings)
            return nil
        }
        return Located(value: text, position: node.position)
    }
}

extension Redirect {
    /// A location, or a mapping with `to` and `status`.
    fileprivate init?(_ field: Field, _ path: PathPattern, _ findings: inout Findings) {
        var target = field
        var status = 308
        if case .mapping = field.node.content {
            let example = "{ to: \"https://example.com{path}{query}\", status: 301 }"
            guard var section = Section(field, "a redirect", example: example, &findings) else { return nil }
            let to = section.require("to", example: "\"https://example.com{path}{query}\"")
            let given = section.take("status")
            section.finish(&findings)
            if let given {
                let expected = "301, 302, 303, 307 or 308"
                guard let value = given.node.plainText.flatMap({ Int($0) }), Bounds.redirectStatuses.contains(value)
                else {
                    given.reject(expected: expected, &findings)
                    return nil
                }
                status = value
            }
            guard let to else { return nil }
            target = to
        }
        if target.node.plainText.flatMap({ Int($0) }) != nil {
            target.reject(
                expected: "where to, such as `/new`", hint: "a status stands beside it: `{ to: /new, status: 301 }`",
                &findings)
            return nil
        }
        let expected = "where to, such as `https://example.com{path}{query}` or `/new{query}`"
        guard let location = target.template(path, expected: expected, &findings) else { return nil }
        guard location.isURIText else {
            target.reject(
                expected: "a location as it is sent, without blanks and characters beyond ASCII",
                hint: "write them escaped, such as `%20`", &findings)
            return nil
        }
        guard location.isLocation else {
            target.reject(expected: expected, hint: location.locationHint, &findings)
            return nil
        }
        if location.pieces.count > 1, location.leadingText == "//",
            case .variable(.capture(let name)) = location.pieces[1]
        {
            findings.warning(
                "`\(target.key.value)`: the client would choose the host by `{\(name)}`, so that the location gets `/.` in "
                    + "front and stays with this host; write the host before it, such as `//example.com/{\(name)}`",
                at: target.position)
        } else if let name = location.captureInHost {
            findings.warning(
                "`\(target.key.value)`: the client chooses the host that it is sent to, or a part of it, by `{\(name)}`, so "
                    + "that a link to this server can lead anywhere; end the host with a `/` before it",
                at: target.position)
        }
        self.init(status: status, location: location)
    }
}

extension TextTemplate {
    /// The first capture that decides, alone or with others, which host this leads to.
    fileprivate var captureInHost: String? {
        // Where a host can still begin, and where it can still go on.
        var text = ""
        var isBefore = true
        for piece in pieces {
            switch piece {
            case .literal(let bytes):
                text += String(decoding: bytes, as: UTF8.self)
                if isBefore {
                    if text.hasPrefix("/"), !text.hasPrefix("//"), text.count > 1 { return nil }
                    guard let start = text.firstRange(of: "//") else { continue }
                    text = String(text[start.upperBound...])
                    isBefore = false
                }
                if text.contains(where: { "/?#".contains($0) }) { return nil }
            case .variable(.capture(let name)):
                // A slash alone before it is a path, and stays one (`Redirect.namesItsHost`).
                return isBefore && text == "/" ? nil : name
            case .variable(.path):
                return nil
            case .variable: continue
            }
        }
        return nil
    }

    /// Whether this begins as a location does: with a scheme, a path, or a variable that holds one.
    fileprivate var isLocation: Bool {
        switch firstVariable {
        case .scheme, .path, .capture: return true
        case .some: return false
        case nil: return leadingText.hasPrefix("/") || leadingText.contains("://")
        }
    }

    fileprivate var locationHint: String? {
        if firstVariable == .host { return "the scheme is missing: `{scheme}://{host}...`" }
        guard firstVariable == nil else { return nil }
        return isHostName(leadingText.prefix { $0 != "/" }) && leadingText.contains(".")
            ? "the scheme is missing: `https://\(leadingText)...`" : "a path begins with `/`"
    }
}

extension FixedResponse {
    /// A status, or a mapping.
    fileprivate init?(_ field: Field, _ findings: inout Findings) {
        self.init()
        guard case .mapping = field.node.content else {
            guard let given = field.node.plainText.flatMap({ Int($0) }), Bounds.answeredStatuses.contains(given) else {
                let hint = field.node.text.flatMap { Int($0) == nil ? "for a body write `{ body: ... }`" : nil }
                field.reject(
                    expected: "a status from 200 to 599, or a mapping such as `{ status: 200, body: ok }`", hint: hint,
                    &findings)
                return nil
            }
            status = given
            return
        }
        guard var section = Section(field, "`respond`", example: "{ status: 200, body: ok }", &findings) else {
            return nil
        }
        if let given = section.take("status")?.integer(in: Bounds.answeredStatuses, &findings) { status = given }
        if let field = section.take("body") {
            body = FallbackSection.body(field, status: status, &findings) ?? []
        }
        if let given = section.take("content_type")?.headerValue(&findings) { contentType = given }
        section.finish(&findings)
    }
}
