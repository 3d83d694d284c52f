import Yams

extension Findings {
    mutating func emptyFile(_ source: Int32) {
        error(
            "the file is empty; expected at least `listeners` and `pools`",
            at: SourcePosition(line: 1, column: 1, source: source),
            note: Self.example)
    }

    /// For whoever has none yet.
    static let example = """
        A configuration that works:

        listeners:
          - bind: 127.0.0.1:8080
        pools:
          web:
            endpoints: [127.0.0.1:3001, 127.0.0.1:3002]
        """

    /// Says what the YAML parser ran into, in the words of someone who writes a configuration.
    mutating func syntaxError(_ yamlError: YamlError, in index: Int32) {
        let source = sources[Int(index)]
        func place(_ mark: Mark) -> SourcePosition {
            SourcePosition(line: mark.line, column: mark.column, source: index)
        }
        switch yamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            var position = place(mark)
            // What is never closed is found missing at the end of the file; what matters is where it was opened.
            let isUnclosed = source.line(position.line).isEmpty
            if let context, isUnclosed || context.text == "while scanning an alias" {
                position = place(context.mark)
            }
            position = source.clamped(position)
            if let hint = hint(problem: problem, context: context, at: position, in: source) {
                error(hint, at: position)
            } else {
                let message = structureHint(
                    problem: problem, context: context, at: position, in: source, isUnclosed: isUnclosed)
                error(message, at: position)
            }
        case .composer(_, let problem, let mark, _) where problem.contains("another document"):
            error("a second YAML document begins here; expected one: remove the `---`", at: place(mark))
        case .composer(_, _, let mark, _):
            let alias = source.text(from: place(mark)).prefix { !$0.isWhitespace && !",]}".contains($0) }
            let anchor = "&" + alias.dropFirst()
            error("`\(alias)` repeats nothing: no `\(anchor)` stands before it", at: place(mark))
        case .duplicatedKeysInMapping(let keys, let context):
            let names = keys.map { "`\($0)`" }.joined(separator: ", ")
            let verb = keys.count == 1 ? "is" : "are"
            error(
                "\(names) \(verb) written more than once in this mapping; keep one", at: place(context.mark))
        case .reader(let problem, let offset, _, let text):
            error("this is not valid YAML: \(problem)", at: position(ofCharacter: offset ?? 0, in: text, source: index))
        default:
            error(
                "the file cannot be read as YAML: \(yamlError)", at: SourcePosition(line: 1, column: 1, source: index))
        }
    }

    /// The mistakes that YAML's own rules make easy when addresses and patterns are written.
    private func hint(
        problem: String, context: YamlError.Context?, at position: SourcePosition, in source: Source
    ) -> String? {
        let line = source.line(position.line)
        let rest = source.text(from: position)
        if context?.text == "while scanning an alias" {
            return "a value that begins with `*` must be quoted, such as `\"*.example.com\"`"
        }
        if rest.hasPrefix("::") || line.contains(/\]:\d/) {
            return "an IPv6 address in brackets must be quoted, such as `\"[::1]:8080\"`"
        }
        if problem == "did not find expected node content", rest.hasPrefix(":") {
            return "a value that begins with `:` must be quoted within brackets or braces, such as `\":8080\"`"
        }
        if line.contains("${"), isWithinFlow(problem, context) {
            return "a `${NAME}` within brackets or braces must be quoted, such as `{ bind: \"${BIND}\" }`"
        }
        if let before = wordWithoutColon(above: position, in: source) {
            return "a `key:` cannot stand here; in line \(before.line) a colon is missing: `\(before.word):`"
        }
        if problem == "mapping values are not allowed in this context" {
            return "a `key:` cannot stand here; check the indentation, and quote a value that contains `: `"
        }
        guard problem == "found character that cannot start any token", let first = rest.first else { return nil }
        return first == "\t"
            ? "YAML is indented with spaces, found a tab"
            : "a value cannot begin with `\(first)` unless it is quoted"
    }

    /// The line before, where it is a key of ours without its colon.
    private func wordWithoutColon(above position: SourcePosition, in source: Source) -> (word: String, line: Int)? {
        var line = position.line - 1
        while line > 0 {
            let text = source.line(line).trimmingPrefix { $0 == " " || $0 == "-" }
            let word = String(text.prefix { !$0.isWhitespace })
            if !word.isEmpty, word.first != "#" {
                return word == text && !ConfigurationSchema.places(of: word).isEmpty ? (word, line) : nil
            }
            line -= 1
        }
        return nil
    }

    /// What the parser missed, and in what.
    private func structureHint(
        problem: String, context: YamlError.Context?, at position: SourcePosition, in source: Source, isUnclosed: Bool
    ) -> String {
        let opened = context.map { " of line \($0.mark.line)" } ?? ""
        switch (problem, context?.text ?? "") {
        case (_, "while scanning a quoted scalar"):
            return "the quote that begins here is never closed"
        case ("did not find expected ',' or '}'", _):
            let isColon = source.text(from: position).hasPrefix(":")
            return isUnclosed
                ? "the `{` that stands here is never closed"
                : "expected `,` or `}` here: the `{`\(opened) is not closed, or a comma is missing"
                    + (isColon ? ", or a value that contains `: ` is not quoted" : "")
        case ("did not find expected ',' or ']'", _):
            return isUnclosed
                ? "the `[` that stands here is never closed"
                : "expected `,` or `]` here: the `[`\(opened) is not closed, or a comma is missing"
        case ("did not find expected '-' indicator", _) where position.column == context?.mark.column:
            return
                "a `- ` is expected here, as before the item in line \(context?.mark.line ?? 0); what belongs to the "
                + "item above is indented further"
        case ("did not find expected key", _) where !source.line(position.line).prefix(position.column - 1).isBlank:
            return "what stands here belongs to nothing: the value before it has ended"
        case ("did not find expected '-' indicator", _), ("did not find expected key", "while parsing a block mapping"):
            let what = problem.contains("'-'") ? "the list" : "the mapping"
            let begin = context.map { " (line \($0.mark.line), indented by \($0.mark.column - 1))" } ?? ""
            return "the indentation fits nothing above it: this line is indented by \(position.column - 1), and is "
                + "neither part of \(what) before it\(begin) nor outside of it; indent it like what it belongs to"
        case ("did not find expected <document start>", _):
            return "expected the end of the file: what stands before this line is no mapping that could go on here; a "
                + "configuration is a mapping, such as `listeners: ...`"
        default:
            let origin = context.map { ", \($0.text) that begins in line \($0.mark.line)" } ?? ""
            return "this is not valid YAML: \(problem)\(origin)"
        }
    }

    private func isWithinFlow(_ problem: String, _ context: YamlError.Context?) -> Bool {
        problem.contains("',' or") || context?.text.contains("flow") == true
    }

    private func position(ofCharacter offset: Int, in text: String, source: Int32) -> SourcePosition {
        let before = text.prefix(offset)
        let line = before.count(where: \.isNewline) + 1
        let column = before.suffix(while: { !$0.isNewline }).unicodeScalars.count + 1
        return SourcePosition(line: line, column: column, source: source)
    }
}

extension Substring {
    fileprivate var isBlank: Bool { allSatisfy(\.isWhitespace) }

    fileprivate func suffix(while condition: (Character) -> Bool) -> Substring {
        var start = endIndex
        while start > startIndex, condition(self[index(before: start)]) { formIndex(before: &start) }
        return self[start...]
    }
}
