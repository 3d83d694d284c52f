import ApusAddresses
import ApusModel
import ApusRouting

/// What a route asks of a request.
struct RouteConditions {
    private(set) var match = RouteMatch()
    /// The host and path as they were written; `*` for neither.
    private(set) var name = ""
    private(set) var isUnderstood = true

    /// What `diff` and `explain` show of a route that runs.
    init(_ match: RouteMatch) { self.match = match }

    init(_ written: WrittenKeys, _ findings: inout Findings) {
        if let field = written["host"] { readHosts(field, &findings) }
        if let field = written["path"] { readPath(field, &findings) }
        if name.isEmpty { name = "*" }
        if let field = written["method"] { readMethods(field, &findings) }
        if let field = written["header"] {
            match.fields = conditions(field, named: { $0.headerName(&$1)?.lowercased() }, &findings)
        }
        if let field = written["query"] {
            match.query = conditions(field, named: { $0.parameterName(&$1) }, &findings)
        }
        if let field = written["cookie"] {
            match.cookies = conditions(field, named: { $0.cookieName(&$1) }, &findings)
        }
        if let field = written["client"] { readClients(field, &findings) }
    }

    // MARK: - Host and path

    private mutating func readHosts(_ field: Field, _ findings: inout Findings) {
        var names: [String] = []
        var known: Set<HostPattern> = []
        for item in items(field, expected: Self.hostExpected, &findings) {
            do throws(HostPattern.Refusal) {
                guard let text = item.node.text else { throw HostPattern.Refusal(advice: nil) }
                let pattern = try HostPattern(configured: text)
                if !known.insert(pattern).inserted {
                    findings.error("the host `\(text)` is listed twice; keep one", at: item.position)
                }
                match.hosts.append(pattern)
                names.append(text.lowercased())
            } catch {
                isUnderstood = false
                item.reject(expected: Self.hostExpected, hint: error.advice, &findings)
            }
        }
        name = names.joined(separator: ",")
    }

    private static let hostExpected = "a host such as `example.com` or `\"*.example.com\"`"

    private mutating func readPath(_ field: Field, _ findings: inout Findings) {
        do throws(PathPattern.Refusal) {
            guard let text = field.node.text else { throw PathPattern.Refusal(advice: nil) }
            match.path = try PathPattern(configured: text)
            if match.path != .any { name += text }
        } catch {
            isUnderstood = false
            guard let offset = error.offset, let text = field.node.text else {
                field.reject(expected: "a path such as `/v1` or `/v1/*`", hint: error.advice, &findings)
                return
            }
            findings.error(
                "`path`: \(error.advice ?? "")", at: findings.position(of: text, offset: offset, at: field.position))
        }
    }

    // MARK: - Method and client

    private mutating func readMethods(_ field: Field, _ findings: inout Findings) {
        let expected = "a method such as `GET`, or a list of them"
        for item in items(field, expected: expected, &findings) {
            guard let method = item.token(expected: expected, &findings) else {
                isUnderstood = false
                continue
            }
            if method.contains("|") {
                let list = method.split(separator: "|").joined(separator: ", ")
                item.reject(expected: expected, hint: "write several as a list: `[\(list)]`", &findings)
                isUnderstood = false
            } else if Self.methods.contains(method.uppercased()), method != method.uppercased() {
                item.reject(expected: expected, hint: "methods have case: write `\(method.uppercased())`", &findings)
                isUnderstood = false
            } else if !Self.methods.contains(method), let meant = nearest(to: method, among: Self.methods) {
                findings.warning(
                    "`\(method)` is no method that HTTP defines; did you mean `\(meant)`?", at: item.position)
            }
            if match.methods.contains(method) {
                findings.error("the method `\(method)` is listed twice; keep one", at: item.position)
            }
            match.methods.append(method)
        }
    }

    /// RFC 9110 section 9 and RFC 5789.
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"]

    private mutating func readClients(_ field: Field, _ findings: inout Findings) {
        let expected = "a network or an address such as `10.0.0.0/8`, or a list of them"
        for item in items(field, expected: expected, &findings) {
            if let network = item.node.text.flatMap({ Network($0) }) {
                match.clients.append(network)
            } else {
                isUnderstood = false
                item.reject(expected: expected, &findings)
            }
        }
    }

    /// One value, or each of a list that is not empty.
    private mutating func items(_ field: Field, expected: String, _ findings: inout Findings) -> [Field] {
        guard case .sequence(let items) = field.node.content else { return [field] }
        if items.isEmpty {
            isUnderstood = false
            field.reject(expected: expected, hint: "the list is empty, so that nothing could match", &findings)
        }
        return items.map(field.item)
    }

    // MARK: - Values

    private mutating func conditions(
        _ field: Field, named name: (Field, inout Findings) -> String?, _ findings: inout Findings
    ) -> [ValueCondition] {
        let key = field.key.value
        guard case .mapping(let entries) = field.node.content else {
            isUnderstood = false
            field.reject(
                expected: "a mapping from names to values, such as `{ \(Self.examples[key] ?? "") }`", &findings)
            return []
        }
        if entries.isEmpty {
            findings.error(
                "`\(key)` asks nothing; name one, such as `{ \(Self.examples[key] ?? "") }`", at: field.position)
        }
        var conditions: [ValueCondition] = []
        var known: Set<String> = []
        for entry in entries {
            let label = Field(key: field.key, node: Node(text: entry.key.value, position: entry.key.position))
            let value = Field(key: entry.key, node: entry.value)
            guard let name = name(label, &findings), let test = ValueConditionSection(value, &findings) else {
                isUnderstood = false
                continue
            }
            if key == "header", name == "host" {
                findings.error(
                    "`header`: a route asks for the host with `host`, such as `host: example.com`", at: label.position)
            }
            if !known.insert(name).inserted {
                findings.error("`\(entry.key.value)` is asked for twice; keep one", at: entry.key.position)
            }
            conditions.append(ValueCondition(name: name, test: test.test, isNegated: test.isNegated))
        }
        return conditions
    }

    private static let examples = ["header": "X-Tenant: acme", "query": "beta: \"1\"", "cookie": "group: canary"]
}

extension Node {
    var isList: Bool { if case .sequence = content { true } else { false } }
}
