/// Which keys of a section were written, and where.
struct WrittenKeys {
    /// Where the section itself was written: at its key.
    let position: SourcePosition
    /// What the section is called.
    let name: String
    /// The section, whose known keys were all taken.
    let section: Section
    private var fields: [String: Field] = [:]
    private var wrong: Set<String> = []

    init(_ section: Section, named name: String, at position: SourcePosition) {
        self.section = section
        self.name = name
        self.position = position
    }

    mutating func note(_ field: Field, isRight: Bool) {
        fields[field.key.value] = field
        if !isRight { wrong.insert(field.key.value) }
    }

    /// What was written for `key`, right or wrong; nil when it was left out.
    subscript(key: String) -> Field? { fields[key] }

    /// Those of `keys` that were written, in their order.
    func these(_ keys: [String]) -> [Field] { keys.compactMap { fields[$0] } }

    /// Whether `key` was written and could not be read.
    func isWrong(_ key: String) -> Bool { wrong.contains(key) }

    /// Whether `key` was written as it should be.
    func isRight(_ key: String) -> Bool { right(key) != nil }

    /// What was written for `key` as it should be.
    func right(_ key: String) -> Field? { isWrong(key) ? nil : fields[key] }

    /// Warns of those of `keys` that were written as they should be.
    ///
    /// - Parameter why: what takes the effect from them, and what to do.
    func warnOfNoEffect(_ keys: [String], _ why: String, _ findings: inout Findings) {
        for field in keys.compactMap(right) {
            findings.warning("`\(field.key.value)` has no effect \(why)", at: field.key.position)
        }
    }

    /// Makes a length and the most that it may grow to agree: the default of one gives way to what is written for the
    /// other; two that were written and contradict each other are an error.
    func settle(
        _ key: String, _ value: inout Duration, upTo mostKey: String, _ most: inout Duration,
        _ findings: inout Findings
    ) {
        guard most < value, !isWrong(mostKey) else { return }
        guard let field = self[mostKey] else {
            most = value
            return
        }
        guard self[key] != nil else {
            value = most
            return
        }
        findings.error(
            "`\(mostKey)` is \(most.configured), less than `\(key)`, which is \(value.configured)", at: field.position)
    }
}
