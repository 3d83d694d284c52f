import Yams

extension Node {
    /// Values at most, once aliases are followed: a few lines of nested aliases could otherwise fill the memory.
    static let valueLimit = 1_000_000
    /// Lists and mappings within each other at most, once aliases are followed: reading them recurses.
    static let depthLimit = 64

    /// Reads a file that stands by itself, the first source of `findings`, and leaves variables of the environment as they
    /// are written. Nil, with an error unless it is empty, when there is nothing to read.
    init?(parsing text: String, _ findings: inout Findings) {
        self.init(parsing: text, source: 0, variables: nil, &findings)
    }

    /// Reads one YAML document, a source of `findings`. Nil when the text is not one, with an error, or when it is empty,
    /// without.
    init?(
        parsing text: String, source: Int32, variables: Variables?, _ findings: inout Findings
    ) {
        let source = YAMLSource(index: source, text: text)
        guard source.check(&findings) else { return nil }
        do throws(any Error) {
            guard let root = try source.root() else { return nil }
            var reader = YAMLReader(findings: findings, source: source.index, variables: variables)
            let node = reader.node(root, depth: 0)
            findings = reader.findings
            guard let node, !node.isNull, !reader.isTooLarge else { return nil }
            self = node
        } catch let error as YamlError {
            findings.syntaxError(error, in: source.index)
            return nil
        } catch {
            findings.error("the file cannot be read as YAML: \(error)", at: source.start)
            return nil
        }
    }
}

/// Turns the YAML library's nodes into ours: positions on everything, merge keys (`<<`) carried out, variables of the
/// environment filled in.
private struct YAMLReader {
    var findings: Findings
    private let source: Int32
    /// Nil to leave them as they are written.
    private let variables: Variables?
    /// The keys that lead to the node that is being read, for the place of a variable.
    private var keys: [String] = []
    private var count = 0
    private(set) var isTooLarge = false

    init(findings: Findings, source: Int32, variables: Variables?) {
        self.findings = findings
        self.source = source
        self.variables = variables
    }

    mutating func node(_ yaml: Yams.Node, depth: Int) -> Node? {
        let position = position(yaml.mark)
        count += 1
        if count > Node.valueLimit {
            refuse(
                "the file holds more than \(Node.valueLimit) values once its aliases are followed; use fewer aliases "
                    + "within aliases", at: position)
            return nil
        }
        if depth > Node.depthLimit {
            refuse(
                "lists and mappings stand more than \(Node.depthLimit) deep within each other here; a configuration "
                    + "needs fewer than ten", at: position)
            return nil
        }
        switch yaml {
        case .scalar(let scalar):
            checkTag(scalar.tag, at: position)
            return Node(content: .scalar(self.scalar(scalar, at: position)), position: position)
        case .sequence(let sequence):
            checkTag(sequence.tag, at: position)
            var items: [Node] = []
            items.reserveCapacity(sequence.count)
            for item in sequence where !isTooLarge {
                if let item = node(item, depth: depth + 1) { items.append(item) }
            }
            return Node(content: .sequence(items), position: position)
        case .mapping(let mapping):
            checkTag(mapping.tag, at: position)
            return Node(content: .mapping(entries(mapping, depth: depth + 1)), position: position)
        case .alias:
            // The parser puts the anchor's node in the place of an alias.
            return nil
        }
    }

    private func position(_ mark: Mark?) -> SourcePosition {
        SourcePosition(line: mark?.line ?? 1, column: mark?.column ?? 1, source: source)
    }

    private mutating func refuse(_ message: String, at position: SourcePosition) {
        if !isTooLarge { findings.error(message, at: position) }
        isTooLarge = true
    }

    private mutating func scalar(_ yaml: Yams.Node.Scalar, at position: SourcePosition) -> Node.Scalar {
        let isQuoted = yaml.style != .plain && yaml.style != .any
        let text = yaml.string
        guard let variables, text.utf8.contains(UInt8(ascii: "$")), text.contains("${") else {
            return Node.Scalar(text: text, isQuoted: isQuoted)
        }
        let place = keys.joined(separator: ".")
        var used: [(name: String, value: String?)] = []
        do throws(Substitution.Failure) {
            let filled = try Substitution(of: text) { name throws(VariableRefusal) in
                let value = try variables.value(of: name, place: place, in: text)
                used.append((name, value))
                return value
            }
            for (name, value) in used { findings.noteVariable(name, value, place: place, in: text) }
            guard filled.hasVariables else { return Node.Scalar(text: filled.text, isQuoted: isQuoted) }
            // `"${WORKERS}"`, quoted since YAML wants it so within braces, may stand for a number.
            let isText = isQuoted && !filled.isOneVariable
            return Node.Scalar(text: filled.text, isQuoted: isText, written: text)
        } catch {
            let place = findings.position(of: text, offset: error.offset, at: position)
            findings.error(error.message, at: place)
            return Node.Scalar(text: "", isQuoted: true, written: text, isUnknown: true)
        }
    }

    private mutating func entries(_ mapping: Yams.Node.Mapping, depth: Int) -> [Node.Entry] {
        var entries: [Node.Entry] = []
        entries.reserveCapacity(mapping.count)
        var merged: [Node.Entry] = []
        var names: Set<String> = []
        for (key, value) in mapping where !isTooLarge {
            let position = position(key.mark)
            guard let scalar = key.scalar else {
                findings.error("a key must be a word, found a list or a mapping", at: position)
                continue
            }
            let isMerge = scalar.string == "<<" && scalar.style == .plain
            if !isMerge { keys.append(scalar.string) }
            let node = node(value, depth: depth)
            if !isMerge { keys.removeLast() }
            guard let value = node else { continue }
            if isMerge {
                merged += merge(value, at: position)
            } else if !names.insert(scalar.string).inserted {
                // The parser finds keys that are written alike, and takes `1` and `"1"` for two.
                findings.error("`\(scalar.string)` is written more than once in this mapping; keep one", at: position)
            } else {
                entries.append(.init(key: Located(value: scalar.string, position: position), value: value))
            }
        }
        // What is written in a mapping wins over what it merges, and an earlier merge over a later.
        for entry in merged where names.insert(entry.key.value).inserted { entries.append(entry) }
        return entries
    }

    private mutating func merge(_ value: Node, at position: SourcePosition) -> [Node.Entry] {
        switch value.content {
        case .mapping(let entries): return entries
        case .sequence(let items): return items.flatMap { merge($0, at: position) }
        case .scalar:
            findings.error(
                "`<<` merges mappings: expected an alias of one, such as `*defaults`, found \(value.described)",
                at: position)
            return []
        }
    }

    private mutating func checkTag(_ tag: Tag, at position: SourcePosition) {
        let name = tag.description
        guard name.hasPrefix("!"), name != "!" else { return }
        findings.error("the tag `\(name)` means nothing here; remove it", at: position)
    }
}
