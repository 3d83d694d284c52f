import ApusModel
import ApusRouting

/// A route's `rewrite`: the path and the host that the origin gets.
struct RewriteSection {
    private(set) var path: PathRewrite?
    private(set) var host: TextTemplate?

    /// The route's, whose captures it may use.
    private var pattern = PathPattern.any

    init() {}

    /// What `diff` and `explain` show of a route that runs.
    init(path: PathRewrite?, host: TextTemplate?) {
        self.path = path
        self.host = host
    }

    init(_ field: Field, _ pattern: PathPattern, _ findings: inout Findings) {
        if let path = field.node.repeatableText, path.hasPrefix("/") {
            field.reject(
                expected: "a mapping such as `{ strip_prefix: true }`",
                hint: "for another prefix write `{ prefix: \(path) }`, for another path `{ path: \(path) }`", &findings)
            return
        }
        self.pattern = pattern
        let example = "{ strip_prefix: true }"
        guard var section = Section(field, "`rewrite`", example: example, &findings) else { return }
        read(&section, of: Located(value: "rewrite", position: field.position), &findings)
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

extension RewriteSection: Keyed {
    static let usual = RewriteSection()

    static let keys: [SectionKey<RewriteSection>] = [
        SectionKey(
            "strip_prefix", .flag, "Takes the prefix of the route's `path` away.", usually: "false",
            told: { $0.told("strip_prefix") }),
        SectionKey(
            "prefix", .text(pattern: "^/|\\$\\{"), "Takes its place.", words: "a path",
            told: { $0.told("prefix") }),
        SectionKey(
            "path", .text(), "The whole path, with variables.", words: "a path with variables",
            told: { $0.told("path") }),
        SectionKey(
            "host", .text(), "The Host, with variables.", words: "a host with variables",
            told: { $0.host.map { .word($0.words) } }),
    ]

    /// The path's rewrite is told under one of three keys.
    private func told(_ key: String) -> Settings.Value? {
        path.flatMap { $0.words.key == key ? .word($0.words.value) : nil }
    }

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let paths = written.these(["strip_prefix", "prefix", "path"])
        if paths.isEmpty, written["host"] == nil {
            findings.error(
                "`rewrite` changes nothing; expected `strip_prefix: true`, `prefix: /new`, `path: \"/new{path}\"` or "
                    + "`host: origin.internal`", at: written.position)
        }
        if paths.count > 1 {
            findings.error(
                "`\(paths[0].key.value)` and `\(paths[1].key.value)` both say what becomes of the path; keep one",
                at: paths[1].key.position)
        } else if let field = paths.first {
            path = Self.path(field, pattern, &findings)
        }
        host = written["host"].flatMap { Self.host($0, pattern, &findings) }
    }
}
