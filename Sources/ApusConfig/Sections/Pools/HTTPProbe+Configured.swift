import ApusAddresses
import ApusModel

extension HTTPProbe {
    /// Fields that would change what the request is, or how long it is.
    private static let reserved = ["connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"]

    init(_ path: Field, _ request: [Field], _ expect: ExpectSection?, _ findings: inout Findings) {
        self.init(path: path.requestPath(&findings) ?? "/")
        for field in request {
            switch field.key.value {
            case "method": readMethod(field, &findings)
            case "host": readHost(field, &findings)
            default: readHeaders(field, &findings)
            }
        }
        if let given = expect?.statuses { statuses = given }
        guard let body = expect?.body else { return }
        bodyContains = body.value
        if method == "HEAD" {
            findings.error("a response to HEAD has no body to look at; use `method: GET`", at: body.position)
        }
    }

    private mutating func readMethod(_ field: Field, _ findings: inout Findings) {
        let expected = "a method, such as `GET` or `HEAD`"
        guard let method = field.token(expected: expected, &findings) else { return }
        guard method == method.uppercased() else {
            field.reject(expected: expected, hint: "methods have case: write `\(method.uppercased())`", &findings)
            return
        }
        guard method != "CONNECT" else {
            field.reject(expected: expected, hint: "CONNECT asks for a tunnel, not for an answer", &findings)
            return
        }
        self.method = method
    }

    private mutating func readHost(_ field: Field, _ findings: inout Findings) {
        guard let text = field.node.text, Self.isHost(text) else {
            field.reject(expected: "a host, such as `example.com` or `example.com:8080`", &findings)
            return
        }
        host = text
    }

    /// `uri-host [ ":" port ]` (RFC 9110 section 7.2).
    private static func isHost(_ text: String) -> Bool {
        if let authority = try? Authority(text, as: .bind) {
            if case .all = authority.host { return false }
            return true
        }
        if text.hasPrefix("["), text.hasSuffix("]") { return IPAddress(text.dropFirst().dropLast()) != nil }
        return isHostName(text)
    }

    private mutating func readHeaders(_ field: Field, _ findings: inout Findings) {
        guard case .mapping(let entries) = field.node.content else {
            field.reject(expected: "a mapping from names to values, such as `{ X-Probe: apus }`", &findings)
            return
        }
        for entry in entries {
            let key = Field(key: entry.key, node: Node(text: entry.key.value, position: entry.key.position))
            guard let name = key.headerName(&findings),
                let value = Field(key: entry.key, node: entry.value).headerValue(&findings)
            else { continue }
            if name.lowercased() == "host" {
                findings.error("write the Host header as `host`, beside `headers`", at: entry.key.position)
            } else if Self.reserved.contains(name.lowercased()) {
                findings.error(
                    "the header `\(name)` is Apus's own in a health check; remove it", at: entry.key.position)
            } else if headers.contains(where: { $0.name.lowercased() == name.lowercased() }) {
                findings.error("the header `\(name)` is written more than once; keep one", at: entry.key.position)
            } else {
                headers.append(Header(name: name, value: value))
            }
        }
    }
}
