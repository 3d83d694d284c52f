import ApusModel

/// One entry of a listener's `routes`.
struct RouteSection {
    var position: SourcePosition
    var host = HostPattern.any
    var path = PathPattern.any
    /// What labels it: the host and path as they were written.
    var name: String
    var pool: Located<String>?
    var priority = Priority.normal
    /// Where `priority` was written.
    var priorityPosition: SourcePosition?
    /// Whether host and path were understood, so that they can be compared with other routes'.
    var isUnderstood = true

    static func list(_ field: Field, _ findings: inout Findings) -> [RouteSection] {
        guard let items = field.list(of: "routes", example: "[{ path: /v1/*, pool: api }]", &findings) else {
            return []
        }
        if items.isEmpty {
            findings.error("`routes` is empty; expected at least one, such as `[{ pool: web }]`", at: field.position)
        }
        return items.compactMap { RouteSection($0, &findings) }
    }

    private init?(_ node: Node, _ findings: inout Findings) {
        guard
            var section = Section(
                node, "a route", example: "{ path: /v1/*, pool: api }", at: node.position, &findings)
        else { return nil }
        position = section.position
        let host = section.take("host")
        let path = section.take("path")
        name = ""
        if let host { readHost(host, &findings) }
        if let path { readPath(path, &findings) }
        if name.isEmpty { name = "*" }
        pool = section.require("pool", example: "web", &findings)?.text(expected: "the name of a pool", &findings)
        let priorities: [(name: String, value: Priority)] = [("low", .low), ("normal", .normal), ("high", .high)]
        if let field = section.take("priority"), let given = field.word(of: priorities, &findings) {
            priority = given
            priorityPosition = field.key.position
        }
        section.finish(&findings)
    }

    private mutating func readHost(_ field: Field, _ findings: inout Findings) {
        do throws(HostPattern.Refusal) {
            guard let text = field.node.text else { throw HostPattern.Refusal(advice: nil) }
            host = try HostPattern(configured: text)
            name = text.lowercased()
        } catch {
            isUnderstood = false
            field.reject(
                expected: "a host such as `example.com` or `\"*.example.com\"`", hint: error.advice, &findings)
        }
    }

    private mutating func readPath(_ field: Field, _ findings: inout Findings) {
        do throws(PathPattern.Refusal) {
            guard let text = field.node.text else { throw PathPattern.Refusal(advice: nil) }
            path = try PathPattern(configured: text)
            if path != .any { name += text }
        } catch {
            isUnderstood = false
            field.reject(expected: "a path such as `/v1` or `/v1/*`", hint: error.advice, &findings)
        }
    }
}

extension HostPattern {
    struct Refusal: Error { var advice: String? }

    /// `example.com`, `*.example.com`, an IPv4 address, or an IPv6 address in brackets; in any case, a final dot aside.
    init(configured text: String) throws(Refusal) {
        if let address = Self.bracketedAddress(text) {
            self = .exact(Array("[\(address)]".utf8))
            return
        }
        if text == "*" { throw Refusal(advice: "leave `host` out to match every host") }
        if text.contains("://") { throw Refusal(advice: "leave the scheme out") }
        if text.contains("/") { throw Refusal(advice: "a host has no path; write it as `path`") }
        if text.contains(":") { throw Refusal(advice: "leave the port out: routes match the host alone") }
        if !text.utf8.allSatisfy({ $0 < 0x80 }) {
            throw Refusal(advice: "write an internationalised name in its ASCII form (xn--...)")
        }
        let isSuffix = text.hasPrefix("*.")
        let rest = isSuffix ? text.dropFirst(2) : text[...]
        let name = rest.hasSuffix(".") ? rest.dropLast() : rest
        if name.contains("*") { throw Refusal(advice: "`*` may only be the first label") }
        guard isHostName(name) else { throw Refusal(advice: nil) }
        let bytes = Array(name.lowercased().utf8)
        self = isSuffix ? .suffix([UInt8(ascii: ".")] + bytes) : .exact(bytes)
    }

    private static func bracketedAddress(_ text: String) -> IPAddress? {
        guard text.hasPrefix("["), text.hasSuffix("]"), text.contains(":") else { return nil }
        return IPAddress(text.dropFirst().dropLast())
    }
}

extension PathPattern {
    struct Refusal: Error { var advice: String? }

    /// `/v1` for exactly this path, `/v1/*` for it and all below, `/*` for every path.
    init(configured text: String) throws(Refusal) {
        guard text.hasPrefix("/") else {
            throw Refusal(advice: text == "*" ? "leave `path` out to match every path" : "a path begins with `/`")
        }
        if text.contains("?") || text.contains("#") {
            throw Refusal(advice: "routes match the path alone, without its query")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw Refusal(advice: "write blanks and characters beyond ASCII as they are sent, such as `%20`")
        }
        let isPrefix = text.hasSuffix("/*")
        let path = isPrefix ? text.dropLast(2) : text[...]
        if path.contains("*") { throw Refusal(advice: "`*` may only be the last segment") }
        let bytes = Array(path.utf8)
        self = isPrefix ? (bytes.isEmpty ? .any : .prefix(bytes)) : .exact(bytes)
    }
}
