import Yams

extension Node {
    /// Values at most, once aliases are followed: a few lines of nested aliases could otherwise fill the memory.
    static let valueLimit = 1_000_000

    /// Reads one YAML document. Nil, with an error in `findings`, when the text is not one.
    init?(parsing text: String, _ findings: inout Findings) {
        // The parser keeps a pointer into the text while it works.
        var text = text
        text.makeContiguousUTF8()
        do throws(any Error) {
            guard let root = try Parser(yaml: text, encoding: .utf8).singleRoot() else {
                findings.emptyFile()
                return nil
            }
            var reader = YAMLReader(findings: findings)
            let node = reader.node(root)
            findings = reader.findings
            guard let node else { return nil }
            guard !node.isNull else {
                findings.emptyFile()
                return nil
            }
            self = node
        } catch let error as YamlError {
            findings.syntaxError(error)
            return nil
        } catch {
            findings.error("the file cannot be read as YAML: \(error)", at: .start)
            return nil
        }
    }
}

/// Turns the YAML library's nodes into ours: positions on everything, merge keys (`<<`) carried out.
private struct YAMLReader {
    var findings: Findings
    private var count = 0
    private var isTooLarge = false

    init(findings: Findings) { self.findings = findings }

    mutating func node(_ yaml: Yams.Node) -> Node? {
        let position = SourcePosition(yaml.mark)
        count += 1
        if count > Node.valueLimit {
            if !isTooLarge {
                findings.error(
                    "the file holds more than \(Node.valueLimit) values once its aliases are followed; "
                        + "use fewer aliases within aliases", at: position)
            }
            isTooLarge = true
            return nil
        }
        switch yaml {
        case .scalar(let scalar):
            checkTag(scalar.tag, at: position)
            let isQuoted = scalar.style != .plain && scalar.style != .any
            return Node(content: .scalar(.init(text: scalar.string, isQuoted: isQuoted)), position: position)
        case .sequence(let sequence):
            checkTag(sequence.tag, at: position)
            var items: [Node] = []
            for item in sequence where !isTooLarge {
                if let item = node(item) { items.append(item) }
            }
            return Node(content: .sequence(items), position: position)
        case .mapping(let mapping):
            checkTag(mapping.tag, at: position)
            return Node(content: .mapping(entries(mapping)), position: position)
        case .alias:
            // The parser puts the anchor's node in the place of an alias.
            return nil
        }
    }

    private mutating func entries(_ mapping: Yams.Node.Mapping) -> [Node.Entry] {
        var entries: [Node.Entry] = []
        var merged: [Node.Entry] = []
        var names: Set<String> = []
        for (key, value) in mapping where !isTooLarge {
            let position = SourcePosition(key.mark)
            guard let scalar = key.scalar else {
                findings.error("a key must be a word, found a list or a mapping", at: position)
                continue
            }
            guard let value = node(value) else { continue }
            if scalar.string == "<<", scalar.style == .plain {
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

extension SourcePosition {
    init(_ mark: Mark?) {
        self.init(line: mark?.line ?? 1, column: mark?.column ?? 1)
    }
}
