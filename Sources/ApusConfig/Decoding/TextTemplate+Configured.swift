import ApusModel
import ApusRouting

/// Why a text is no template.
struct TemplateRefusal: Error {
    let message: String
    /// Characters before it.
    let offset: Int
}

extension TextTemplate {
    /// Reads `https://example.com{path}`: text with variables in braces; `{{` is a brace.
    ///
    /// - Parameter path: the route's, whose captures are variables too.
    init(configured text: String, path: PathPattern) throws(TemplateRefusal) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var rest = text.unicodeScalars[...]
        var offset = 0
        while let scalar = rest.popFirst() {
            let place = offset
            offset += 1
            guard scalar.value >= 0x20 && scalar.value != 0x7f || scalar == "\t" else {
                throw TemplateRefusal(message: "a control character cannot stand here", offset: place)
            }
            guard scalar == "{" else {
                literal += Array(String(scalar).utf8)
                continue
            }
            if rest.first == "{" {
                rest.removeFirst()
                offset += 1
                literal.append(UInt8(ascii: "{"))
                continue
            }
            guard let end = rest.firstIndex(of: "}") else {
                throw TemplateRefusal(
                    message: "this `{` begins a variable, and no `}` ends it; write `{{` for a brace", offset: place)
            }
            let name = String(rest[..<end])
            let variable = try Self.variable(name, path, offset: place)
            if !literal.isEmpty { pieces.append(.literal(literal)) }
            literal = []
            pieces.append(.variable(variable))
            offset += name.unicodeScalars.count + 1
            rest = rest[rest.index(after: end)...]
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        self.init(pieces)
    }

    private static let variables: KeyValuePairs<String, Variable> = [
        "scheme": .scheme, "host": .host, "path": .path, "query": .query, "method": .method, "client": .client,
        "rest": .rest,
    ]

    /// A capture of the route's own comes before a variable of the same name.
    private static func variable(_ name: String, _ path: PathPattern, offset: Int) throws(TemplateRefusal) -> Variable {
        let captures = path.captureNames
        if captures.contains(name) { return .capture(name) }
        guard let variable = variables.first(where: { $0.key == name })?.value else {
            let known = variables.map(\.key) + captures
            let advice =
                nearest(to: name, among: known).map { "did you mean `{\($0)}`?" }
                ?? "expected one of \(known.map { "`{\($0)}`" }.joined(separator: ", ")), or `{{` for a brace"
            throw TemplateRefusal(
                message: "there is no variable `{\(String(name.prefix(40)))}` here; \(advice)", offset: offset)
        }
        if variable == .rest, !path.isPrefix {
            throw TemplateRefusal(
                message:
                    "`{rest}` is what lies below the route's prefix, and its `path` is none; use `{path}`, or write a "
                    + "prefix such as `path: /v1/*`", offset: offset)
        }
        return variable
    }
}

extension PathPattern {
    /// Whether this is a prefix with something below it; every path is below `/*`, which is none.
    var isPrefix: Bool { if case .prefix = self { true } else { false } }
}

extension Field {
    /// Text with variables; nil, with an error at the place in question, when it is none.
    func template(
        _ path: PathPattern, expected: String, allowingEmpty: Bool = false, _ findings: inout Findings
    ) -> TextTemplate? {
        guard let text = node.text, allowingEmpty || !text.isEmpty else {
            reject(expected: expected, &findings)
            return nil
        }
        // What other proxies call variables. The environment's values are not looked into.
        if text.utf8.contains(UInt8(ascii: "$")), case .scalar(let scalar) = node.content, scalar.written == nil,
            let variable = text.firstMatch(of: /\$(\d|[a-z_]{4,})/)
        {
            findings.warning(
                "`\(key.value)`: `\(variable.output.0)` is sent as it stands; variables are written in braces, such as "
                    + "`{path}`", at: position)
        }
        do throws(TemplateRefusal) {
            return try TextTemplate(configured: text, path: path)
        } catch {
            let place = findings.position(of: text, offset: error.offset, at: position)
            findings.error("`\(key.value)`: \(error.message)", at: place)
            return nil
        }
    }
}

extension TextTemplate {
    /// The text before the first variable.
    var leadingText: String {
        if case .literal(let bytes) = pieces.first { String(decoding: bytes, as: UTF8.self) } else { "" }
    }

    /// The name of its first capture.
    var firstCapture: String? {
        for case .variable(.capture(let name)) in pieces { return name }
        return nil
    }

    var firstVariable: Variable? {
        if case .variable(let variable) = pieces.first { variable } else { nil }
    }

    /// Whether all of its own text can stand in a URI as it is (RFC 3986).
    var isURIText: Bool {
        pieces.allSatisfy { piece in
            guard case .literal(let bytes) = piece else { return true }
            return bytes.allSatisfy { (0x21...0x7e).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) }
        }
    }
}
