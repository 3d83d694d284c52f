import ApusModel
import ApusRouting

/// A route's `headers.request` or `headers.response`.
struct FieldEditsSection {
    /// In the order in which they are carried out: remove, set, add.
    private(set) var edits: [FieldEdit] = []
    /// The route's, whose captures they may use.
    private var path = PathPattern.any

    static let example = "{ set: { X-Real-IP: \"{client}\" }, remove: [X-Debug] }"

    /// What `diff` and `explain` show of a route that runs.
    init(_ edits: [FieldEdit] = []) { self.edits = edits }

    init(_ field: Field, _ path: PathPattern, _ findings: inout Findings) {
        self.path = path
        guard var section = Section(field, "a route's header edits", example: Self.example, &findings) else { return }
        read(&section, of: Located(value: field.key.value, position: field.position), &findings)
    }
}

extension FieldEditsSection: Keyed {
    static let usual = FieldEditsSection()

    static let keys: [SectionKey<FieldEditsSection>] = [
        SectionKey(
            "set", .names(of: .text()), "Replaces what was there.",
            words: "a mapping from headers to values with variables", usually: "none",
            told: { .section(Settings($0.edits, ofKind: "set")) }),
        SectionKey(
            "add", .names(of: .text()), "One more line of that name.",
            words: "a mapping from headers to values with variables", usually: "none",
            told: { .section(Settings($0.edits, ofKind: "add")) }),
        SectionKey(
            "remove", Shape.text().oneOrMore, "Removes all lines of these names.", words: "a list of headers",
            usually: "none", told: { .section(Settings($0.edits, ofKind: "remove")) }),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if written.these(["set", "add", "remove"]).isEmpty {
            findings.error(
                "`\(written.name)` changes nothing; expected `set`, `add` or `remove`, such as `\(Self.example)`",
                at: written.position)
        }
        var places: [String: SourcePosition] = [:]
        let removed = written["remove"].map { FieldEdit.removals($0, &places, &findings) } ?? []
        edits = removed + written.these(["set", "add"]).flatMap { FieldEdit.values($0, path, &places, &findings) }
    }
}

extension Settings {
    fileprivate init(_ edits: [FieldEdit], ofKind kind: String) {
        for edit in edits {
            switch edit {
            case .set(let name, let value): if kind == "set" { addField(name, named: name, value.words) }
            case .add(let name, let value): if kind == "add" { addField(name, named: name, value.words) }
            case .remove(let name): if kind == "remove" { add(name, "yes") }
            }
        }
    }
}

extension FieldEdit {
    fileprivate static func removals(
        _ field: Field, _ places: inout [String: SourcePosition], _ findings: inout Findings
    ) -> [FieldEdit] {
        let items = if case .sequence(let items) = field.node.content { items.map(field.item) } else { [field] }
        return items.compactMap { item in
            name(item, &findings).map { name in
                places[name.lowercased()] = item.position
                return .remove(name: name)
            }
        }
    }

    fileprivate static func values(
        _ field: Field, _ path: PathPattern, _ places: inout [String: SourcePosition], _ findings: inout Findings
    ) -> [FieldEdit] {
        guard case .mapping(let entries) = field.node.content else {
            field.reject(expected: "a mapping from headers to values, such as `{ X-Frame-Options: DENY }`", &findings)
            return []
        }
        return entries.compactMap { entry in
            let label = Field(key: field.key, node: Node(text: entry.key.value, position: entry.key.position))
            let value = Field(key: entry.key, node: entry.value)
            guard let name = name(label, &findings) else { return nil }
            if field.key.value == "set",
                let other = places.updateValue(entry.key.position, forKey: name.lowercased())
            {
                findings.error(
                    "the header `\(name)` is changed in \(findings.told(other, from: entry.key.position)) already; `set` "
                        + "replaces what was there, so keep one of them", at: entry.key.position)
            }
            let expected = "the value of a header, such as `DENY` or `\"{client}\"`"
            guard let template = value.template(path, expected: expected, &findings) else { return nil }
            guard let text = value.node.text, text.first != " ", text.last != " ", text.first != "\t", text.last != "\t"
            else {
                value.reject(expected: expected + ", without blanks around it", &findings)
                return nil
            }
            let edit = field.key.value == "set" ? FieldEdit.set(name: name, template) : .add(name: name, template)
            if edit.foldedName == "set-cookie", let capture = template.firstCapture {
                findings.warning(
                    "`\(name)`: the client chooses a part of the cookie, by `{\(capture)}`; with a `;` in it the request is "
                        + "answered 400", at: value.position)
            }
            return edit
        }
    }

    private static func name(_ field: Field, _ findings: inout Findings) -> String? {
        guard let name = field.headerName(&findings) else { return nil }
        if name.lowercased() == "host" {
            findings.error(
                "`Host` is not edited as a header; write `rewrite: { host: origin.internal }`", at: field.position)
            return nil
        }
        guard !FieldEdit.remove(name: name).isAllowed else { return name }
        findings.error(
            "`\(name)` cannot be edited: it says where messages end or what becomes of their connection, which Apus does "
                + "itself", at: field.position)
        return nil
    }
}
