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

    static let keys = ["pool", "pools", "redirect", "respond"]
    /// Pools of one route at most.
    private static let poolLimit = Bounds.poolsPerRoute.upperBound

    /// Nil, with an error in `findings`, unless exactly one of the four was written, and rightly.
    init?(_ section: WrittenKeys, _ path: PathPattern, _ findings: inout Findings) {
        let written = section.these(Self.keys)
        let splitBy = section["split_by"]
        guard let field = written.first else {
            // That word is told by itself.
            if section.section.hasAnotherWord(for: Self.keys) { return nil }
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
            guard let redirect = RedirectSection.read(field, path, &findings) else { return nil }
            self = .redirect(Located(value: redirect, position: field.key.position))
        default:
            guard let response = FixedResponse.read(field, &findings) else { return nil }
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

extension RouteActionSection {
    /// What `diff` and `explain` show of a route that runs.
    init(_ action: RouteAction, of snapshot: Snapshot) {
        switch action {
        case .forward(let split):
            let branches = split.pools.map { branch in
                Branch(
                    pool: Located(value: snapshot.pools[branch.pool].name, position: .start), weight: branch.weight)
            }
            self = .forward(branches, key: split.key)
        case .redirect(let redirect): self = .redirect(Located(value: redirect, position: .start))
        case .respond(let response): self = .respond(response)
        }
    }

    /// `web`, or `{ web: 95, web-next: 5 }`: one name for one pool and several, so that a canary reads as a change and
    /// not as two.
    var pools: String? {
        guard case .forward(let branches, _) = self else { return nil }
        if branches.count == 1 { return branches[0].pool.value }
        return "{ " + branches.map { "\($0.pool.value): \($0.weight)" }.joined(separator: ", ") + " }"
    }

    var key: HashRules.Key? { if case .forward(_, let key) = self { key } else { nil } }
    var redirect: Redirect? { if case .redirect(let redirect) = self { redirect.value } else { nil } }
    var response: FixedResponse? { if case .respond(let response) = self { response } else { nil } }
}
