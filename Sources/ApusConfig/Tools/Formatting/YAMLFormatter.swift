/// Brings a configuration file into the one layout: what it says stays, and so do comments, the order of keys, quotes,
/// and whether a collection is written in brackets or in lines.
///
/// - indentation by two blanks, also of lists below their key
/// - one blank behind `:`, `,` and `-`; within braces one on each side, within brackets none
/// - comments two blanks behind what they stand beside; those that stood in one column stay in one
/// - at most one empty line in a row, none at the start and the end; no blanks at the end of a line
///
/// The text of block scalars and the line breaks of everything are kept. Formatting what was formatted changes nothing.
/// Before it is given back, the result is read again and compared with what was there: a text that would mean something
/// else is an error, never an answer.
public enum YAMLFormatter {
    /// `text` in the one layout. `file` is the name by which diagnostics call it.
    ///
    /// - Throws: why it was left as it is: it is no YAML, or written in a way that this formatter does not take apart.
    public static func format(_ text: String, file: String) throws(ConfigurationErrors) -> String {
        var findings = Findings()
        _ = findings.add(Source(file: file, text: text))
        let meaning = try meaning(of: text, &findings)
        guard meaning != nil || !isBlank(text) else { return "" }
        let formatted: String
        do throws(BlockLayout.Refusal) {
            var layout = BlockLayout(text)
            formatted = try layout.formatted()
        } catch {
            findings.error(error.message, at: error.position)
            throw ConfigurationErrors(findings.inOrder)
        }
        try compare(formatted, with: meaning, &findings)
        return formatted
    }

    /// What a text says; nil, perhaps with errors, when it says nothing.
    private static func read(_ text: String, _ findings: inout Findings) -> Node? {
        // Variables stay what they are, set or not.
        let node = Node(parsing: text, source: 0, variables: Variables { "${\($0)}" }, &findings)
        if let node { findings.hideSecrets(of: node, in: 0) }
        return node
    }

    private static func meaning(of text: String, _ findings: inout Findings) throws(ConfigurationErrors) -> Node? {
        let node = read(text, &findings)
        if findings.hasErrors { throw ConfigurationErrors(findings.inOrder) }
        return node
    }

    private static func compare(
        _ formatted: String, with meaning: Node?, _ findings: inout Findings
    ) throws(ConfigurationErrors) {
        var again = Findings()
        _ = again.add(Source(file: "", text: formatted))
        let other = read(formatted, &again)
        let isSame =
            switch (meaning, other) {
            case (nil, nil): true
            case (let one?, let other?): one.says(sameAs: other)
            default: false
            }
        guard isSame, !again.hasErrors else {
            findings.error(
                "this file cannot be formatted without changing what it says, and was left as it is; please report it",
                at: .start)
            throw ConfigurationErrors(findings.inOrder)
        }
    }

    private static func isBlank(_ text: String) -> Bool { text.allSatisfy(\.isWhitespace) }
}

extension Node {
    /// Whether both say the same, wherever and however it is written.
    func says(sameAs other: Node) -> Bool {
        switch (content, other.content) {
        case (.scalar(let one), .scalar(let other)): one.text == other.text && one.isQuoted == other.isQuoted
        case (.sequence(let one), .sequence(let other)):
            one.count == other.count && zip(one, other).allSatisfy { $0.says(sameAs: $1) }
        case (.mapping(let one), .mapping(let other)):
            one.count == other.count
                && zip(one, other).allSatisfy {
                    $0.key.value == $1.key.value && $0.value.says(sameAs: $1.value)
                }
        default: false
        }
    }
}
