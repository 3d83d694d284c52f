import ApusModel
import ApusRouting

/// A route's `rewrite`: the path and the host that the origin gets.
struct RewriteSection {
    private(set) var path: PathRewrite?
    private(set) var host: TextTemplate?

    init() {}

    init(_ field: Field, _ pattern: PathPattern, _ findings: inout Findings) {
        if let path = field.node.repeatableText, path.hasPrefix("/") {
            field.reject(
                expected: "a mapping such as `{ strip_prefix: true }`",
                hint: "for another prefix write `{ prefix: \(path) }`, for another path `{ path: \(path) }`", &findings)
            return
        }
        let example = "{ strip_prefix: true }"
        guard var section = Section(field, "`rewrite`", example: example, &findings) else { return }
        let paths = ["strip_prefix", "prefix", "path"].compactMap { section.take($0) }
        let hostField = section.take("host")
        section.finish(&findings)
        if paths.isEmpty, hostField == nil {
            findings.error(
                "`rewrite` changes nothing; expected `strip_prefix: true`, `prefix: /new`, `path: \"/new{path}\"` or "
                    + "`host: origin.internal`", at: field.position)
        }
        if paths.count > 1 {
            findings.error(
                "`\(paths[0].key.value)` and `\(paths[1].key.value)` both say what becomes of the path; keep one",
                at: paths[1].key.position)
        } else if let field = paths.first {
            path = Self.path(field, pattern, &findings)
        }
        host = hostField.flatMap { Self.host($0, pattern, &findings) }
    }

    private static func path(_ field: Field, _ pattern: PathPattern, _ findings: inout Findings) -> PathRewrite? {
        switch field.key.value {
        case "strip_prefix":
            guard field.flag(&findings) == true else { return nil }
            return hasPrefix(field, pattern, &findings) ? .prefix([UInt8(ascii: "/")]) : nil
        case "prefix":
            guard let given = field.requestPath(&findings) else { return nil }
            if given.contains("?") {
                field.reject(expected: "a path without a query", hint: "the query stays as it came", &findings)
                return nil
            }
            guard hasPrefix(field, pattern, &findings) else { return nil }
            let path = given.count > 1 && given.hasSuffix("/") ? String(given.dropLast()) : given
            return .prefix(Array(path.utf8))
        default:
            let expected = "a path that begins with `/`, such as `/users/{id}`"
            guard let template = field.template(pattern, expected: expected, &findings) else { return nil }
            guard template.isURIText, template.leadingText.hasPrefix("/") || template.firstVariable == .path else {
                field.reject(expected: expected + ", without blanks and characters beyond ASCII", &findings)
                return nil
            }
            guard !template.leadingText.contains("?"), template.pieces.allSatisfy({ $0 != .variable(.query) }) else {
                field.reject(expected: "a path without a query", hint: "the query stays as it came", &findings)
                return nil
            }
            return .template(template)
        }
    }

    /// Whether the route's path is a prefix, whose place another can take.
    private static func hasPrefix(_ field: Field, _ pattern: PathPattern, _ findings: inout Findings) -> Bool {
        if pattern.isPrefix { return true }
        let advice =
            switch pattern {
            case .any where field.key.value == "prefix":
                "this route's is every path; to put something before it, write `path: \"/new{path}\"`"
            case .any: "this route's is every path, of which there is nothing to strip"
            case .exact: "this route's is exactly one path; write `path: /new`"
            default: "this route's is a pattern; write `path`, with its captures"
            }
        findings.error(
            "`\(field.key.value)` is about the prefix of the route's `path`, such as `/v1/*`, and \(advice)",
            at: field.key.position)
        return false
    }

    private static func host(_ field: Field, _ pattern: PathPattern, _ findings: inout Findings) -> TextTemplate? {
        let expected = "a host, such as `origin.internal` or `origin.internal:8080`"
        guard let template = field.template(pattern, expected: expected, &findings) else { return nil }
        let text = field.node.text ?? ""
        guard template.isURIText, !text.contains("/"), !text.contains("@"), !text.contains("?"), !text.contains("#")
        else {
            field.reject(expected: expected, hint: text.contains("://") ? "leave the scheme out" : nil, &findings)
            return nil
        }
        if let name = template.firstCapture {
            findings.warning(
                "`host`: the client chooses the host that origins see, by `{\(name)}`; what is not a host is answered 400",
                at: field.position)
        }
        return template
    }
}

extension FieldEdit {
    /// `{ set: ..., add: ..., remove: ... }`, carried out in the order remove, set, add.
    static func list(_ field: Field, _ path: PathPattern, _ findings: inout Findings) -> [FieldEdit] {
        let example = "{ set: { X-Real-IP: \"{client}\" }, remove: [X-Debug] }"
        guard var section = Section(field, "a route's header edits", example: example, &findings) else { return [] }
        let set = section.take("set")
        let add = section.take("add")
        let remove = section.take("remove")
        section.finish(&findings)
        if set == nil, add == nil, remove == nil {
            findings.error(
                "`\(field.key.value)` changes nothing; expected `set`, `add` or `remove`, such as `\(example)`",
                at: field.position)
        }
        var places: [String: SourcePosition] = [:]
        let removed = remove.map { removals($0, &places, &findings) } ?? []
        let changed = [set, add].compactMap(\.self).flatMap { values($0, path, &places, &findings) }
        return removed + changed
    }

    private static func removals(
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

    private static func values(
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
