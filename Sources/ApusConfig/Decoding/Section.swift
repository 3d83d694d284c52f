import ApusModel

/// A mapping whose keys are known: what is asked for is taken, and what is left at the end was not expected.
struct Section {
    /// What the mapping describes, with its article: "a route".
    private let what: String
    let position: SourcePosition
    private let entries: [Node.Entry]
    private var known: [String] = []
    /// What else may help when a key is missing that is needed; by key.
    var advice: [String: String] = [:]
    /// Whether keys that are needed may stand elsewhere, so that none is missed.
    var isPart = false
    /// What was left out and is needed, with an example of it.
    private var missing: [(key: String, example: String, advice: String?)] = []

    /// Nil, with an error in `findings`, when `node` is no mapping.
    ///
    /// `position` is where the error points when nothing was written: at the section's key.
    init?(_ node: Node, _ what: String, example: String, at position: SourcePosition, _ findings: inout Findings) {
        guard case .mapping(let entries) = node.content else {
            if node.isUnknown { return nil }
            var advice = Self.missingColon(node).map { "; \($0)" } ?? ""
            if case .sequence = node.content, what.hasPrefix("the pool") { advice = "; write `endpoints:` above it" }
            findings.error(
                "expected \(what) as a mapping, such as `\(example)`, found \(node.described)\(advice)",
                at: node.isNull ? position : node.position)
            return nil
        }
        self.what = what
        self.position = node.position
        self.entries = entries
    }

    /// What is wrong with `bind 127.0.0.1:8080` and `bind:127.0.0.1:8080`, which are texts to YAML.
    private static func missingColon(_ node: Node) -> String? {
        guard let text = node.repeatableText, let parts = text.wholeMatch(of: /([a-z_]+)(:?)([\s\u{a0}]*)(\S.*)/) else {
            return nil
        }
        let (_, key, colon, blank, value) = parts.output
        guard !ConfigurationSchema.places(of: String(key)).isEmpty, !colon.isEmpty || !blank.isEmpty else { return nil }
        let written = "`\(key): \(value)`"
        if colon.isEmpty { return "a colon is missing: \(written)" }
        return blank.isEmpty
            ? "a blank is missing behind the colon: \(written)"
            : "what stands behind the colon is no plain blank (U+0020); write one: \(written)"
    }

    init?(_ field: Field, _ what: String, example: String, _ findings: inout Findings) {
        self.init(field.node, what, example: example, at: field.key.position, &findings)
    }

    /// What was written for `key`; nil when it was left out.
    mutating func take(_ key: String) -> Field? {
        known.append(key)
        guard let index = entries.firstIndex(where: { $0.key.value == key }) else { return nil }
        return Field(key: entries[index].key, node: entries[index].value)
    }

    /// What was written for `key`; nil when it was left out, which `finish` reports.
    mutating func require(_ key: String, example: String) -> Field? {
        if let field = take(key) { return field }
        if !isPart { missing.append((key, example, advice[key])) }
        return nil
    }

    /// Reports the keys that were left out and are needed, and those that were never asked for.
    ///
    /// A key that is missing since it was written in another word is one mistake, and told once.
    /// - Parameter otherwise: what to say of a key of which nothing is known, before the keys that there are.
    func finish(_ findings: inout Findings, otherwise: String? = nil) {
        let unknown = entries.filter { !known.contains($0.key.value) }
        let advice = unknown.map { KeyAdvice(for: $0.key.value, among: known, otherwise: otherwise) }
        for (key, example, hint) in missing where !advice.contains(where: { $0.meant == key || $0.isOfAnotherFile }) {
            let more = hint.map { "; \($0)" } ?? ""
            findings.error("\(what) needs `\(key)`, such as `\(key): \(example)`\(more)", at: position)
        }
        for (entry, advice) in zip(unknown, advice) {
            findings.error(
                "unknown key \(Node.quoted(entry.key.value, by: "`")) in \(what); \(advice.text)",
                at: entry.key.position)
        }
    }

    /// Reports a key that was left out, and is needed as the others say. Like those of `require`, it is not missed where another
    /// word stands for it.
    func report(missing key: String, example: String, _ findings: inout Findings) {
        guard !isPart else { return }
        let isMeant = entries.contains { entry in
            guard !known.contains(entry.key.value) else { return false }
            let advice = KeyAdvice(for: entry.key.value, among: known)
            return advice.meant == key || advice.isOfAnotherFile
        }
        guard !isMeant else { return }
        findings.error("\(what) needs `\(key)`, such as `\(key): \(example)`", at: position)
    }

    /// Whether there are keys that were not asked for yet.
    var hasMore: Bool { entries.contains { !known.contains($0.key.value) } }

    /// Whether one of the keys that were not asked for yet is another word for one of `keys`.
    func hasAnotherWord(for keys: [String]) -> Bool {
        entries.contains { entry in
            !known.contains(entry.key.value) && KeyAdvice(for: entry.key.value, among: keys).meant != nil
        }
    }
}
