/// Words of which one is to be chosen.
extension Field {
    /// Whether the setting is switched off.
    var isOff: Bool { node.plainText == "off" }

    /// One of the names of `Choice`.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        of type: Choice.Type, _ findings: inout Findings
    ) -> Choice? {
        word(of: Choice.allCases.map { ($0.rawValue, $0) }, &findings)
    }

    /// What one of `words` stands for.
    ///
    /// - Parameter others: what they are called elsewhere, without case, `-` and `_`, and what they are called here.
    func word<Value>(
        of words: [(name: String, value: Value)], others: [String: String] = [:], _ findings: inout Findings
    ) -> Value? {
        if let known = words.first(where: { $0.name == node.text }) { return known.value }
        let names = words.map(\.name)
        let other = node.text.flatMap { others[String(String.UnicodeScalarView(folded($0)))] }
        let hint =
            other.map { "here it is `\($0)`" }
            ?? node.text.flatMap { nearest(to: $0, among: names) }.map { "did you mean `\($0)`?" }
        reject(expected: "one of \(names.map { "`\($0)`" }.joined(separator: ", "))", hint: hint, &findings)
        return nil
    }

    func flag(_ findings: inout Findings) -> Bool? {
        switch node.plainText {
        case "true": return true
        case "false": return false
        default: break
        }
        let hint: String? =
            switch node.text?.lowercased() {
            case "yes", "on", "true": "write `true`"
            case "no", "off", "false": "write `false`"
            default: nil
            }
        reject(expected: "`true` or `false`", hint: hint, &findings)
        return nil
    }
}

/// What was written for a section that may be left to its defaults or switched off.
enum Setting {
    case off
    /// On, with nothing said about how.
    case on
    case section(Section)

    /// `off`, `word`, or a mapping; nil, with an error in `findings`, for anything else.
    ///
    /// A section that needs to be told something has no `word` that turns it on.
    init?(_ field: Field, word: String? = "on", example: String, _ findings: inout Findings) {
        let what = "`\(field.key.value)`"
        if field.isOff {
            self = .off
        } else if let word, field.node.plainText == word {
            self = .on
        } else if case .mapping = field.node.content, let section = Section(field, what, example: example, &findings) {
            self = .section(section)
        } else {
            let words = word.map { "`\($0)`, `off`" } ?? "`off`"
            let hint: String? =
                switch field.node.text?.lowercased() {
                case "true", "yes", "enabled": word.map { "write `\($0)`" }
                case "false", "no", "none", "never", "disabled": "write `off`"
                default: nil
                }
            field.reject(expected: "\(words) or a mapping such as `\(example)`", hint: hint, &findings)
            return nil
        }
    }
}
