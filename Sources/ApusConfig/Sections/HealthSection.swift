import ApusAddresses
import ApusModel

extension HealthCheck {
    /// `tcp`, `off`, `none`, or a mapping: with a path it probes by HTTP, without one by TCP.
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        switch field.node.content {
        case .mapping: read(field, &findings)
        case .scalar where field.node.plainText == "tcp": probe = .tcp
        case .scalar where ["off", "none"].contains(field.node.plainText): probe = .none
        case .scalar, .sequence:
            let hint: String? =
                switch field.node.repeatableText {
                case "http": "an HTTP check needs a path: `{ path: /healthz }`"
                case let path? where path.hasPrefix("/"): "for a check by HTTP write `{ path: \(path) }`"
                case "true", "on", "yes": "`tcp` is what there is without it"
                case "false", "no": "write `off`"
                default: nil
                }
            field.reject(expected: "`tcp`, `off` or a mapping such as `{ path: /healthz }`", hint: hint, &findings)
        }
    }

    private mutating func read(_ field: Field, _ findings: inout Findings) {
        guard var section = Section(field, "`health`", example: "{ path: /healthz }", &findings) else { return }
        readProbe(&section, &findings)
        section.read("interval", into: &interval, &findings)
        if let given = section.take("down_interval")?.duration(in: Section.durations, &findings) {
            downInterval = given
        }
        section.read("timeout", into: &timeout, &findings)
        section.read("rise", into: &rise, in: Bounds.probesInARow, &findings)
        section.read("fall", into: &fall, in: Bounds.probesInARow, &findings)
        if let given = section.take("port")?.integer(in: Bounds.ports, &findings) { port = UInt16(given) }
        section.finish(&findings)
    }

    private mutating func readProbe(_ section: inout Section, _ findings: inout Findings) {
        let path = section.take("path")
        let request = ["method", "host", "headers"].compactMap { section.take($0) }
        let send = section.take("send")
        let expect = section.take("expect").flatMap { ExpectSection($0, isHTTP: path != nil, &findings) }
        if let path {
            if let send {
                findings.error(
                    "`send` belongs to a check by TCP, and `path` to one by HTTP; keep one of them",
                    at: send.key.position)
            }
            probe = .http(HTTPProbe(path, request, expect, &findings))
            return
        }
        for field in request {
            findings.error(
                "`\(field.key.value)` belongs to a check by HTTP; add `path`, such as `path: /healthz`",
                at: field.key.position)
        }
        let sent = send.flatMap { $0.text(expected: "text to send, such as `\"PING\\r\\n\"`", &findings) }
        if let reply = expect?.reply {
            probe = .tcpExchange(send: Array((sent?.value ?? "").utf8), expect: Array(reply.utf8))
        } else if let send, expect == nil {
            findings.error(
                "`send` needs the answer that is good, such as `expect: { reply: \"+PONG\" }`", at: send.key.position)
        }
    }
}

/// What a health check expects.
private struct ExpectSection {
    var statuses: [ClosedRange<Int>]?
    var body: Located<String>?
    var reply: String?

    init?(_ field: Field, isHTTP: Bool, _ findings: inout Findings) {
        let example = isHTTP ? "{ status: 200-299 }" : "{ reply: \"+PONG\" }"
        guard var section = Section(field, "`expect`", example: example, &findings) else { return nil }
        let ofHTTP = ["status", "body"].map { section.take($0) }
        let ofTCP = section.take("reply")
        section.finish(&findings)
        if isHTTP {
            statuses = ofHTTP[0]?.statuses(in: Bounds.expectedStatuses, example: "[200-299, 304]", &findings)
            body = ofHTTP[1]?.text(expected: "text that the body contains, such as `ok`", &findings)
            if let ofTCP {
                findings.error(
                    "`reply` belongs to a check by TCP; with `path`, expect a `status` or a `body`",
                    at: ofTCP.key.position)
            }
            return
        }
        for field in ofHTTP.compactMap(\.self) {
            findings.error(
                "`\(field.key.value)` belongs to a check by HTTP; add `path`, or expect a `reply`",
                at: field.key.position)
        }
        reply = ofTCP?.text(expected: "the beginning of a good answer, such as `+PONG`", &findings)?.value
        if ofTCP == nil, ofHTTP.allSatisfy({ $0 == nil }) {
            findings.error("`expect` says nothing; add a `reply`, such as `\(example)`", at: field.position)
        }
    }
}

extension HTTPProbe {
    /// Fields that would change what the request is, or how long it is.
    private static let reserved = ["connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer"]

    fileprivate init(_ path: Field, _ request: [Field], _ expect: ExpectSection?, _ findings: inout Findings) {
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
