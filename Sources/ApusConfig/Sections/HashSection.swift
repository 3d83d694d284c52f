import ApusModel

extension HashRules {
    /// `client`, `path`, or a mapping that names one key.
    init(_ field: Field, _ findings: inout Findings) {
        self.init()
        switch field.node.plainText {
        case "client": return
        case "path":
            key = .path
            return
        default: break
        }
        guard case .mapping = field.node.content,
            var section = Section(field, "`hash`", example: "{ header: X-User }", &findings)
        else {
            let hint: String? =
                switch field.node.plainText {
                case let kind? where ["header", "cookie", "query"].contains(kind): "say which: `{ \(kind): NAME }`"
                case "ip", "source", "src", "remote_addr", "client_ip": "here it is `client`"
                case "uri", "url": "here it is `path`"
                default: nil
                }
            field.reject(
                expected: "`client`, `path` or a mapping such as `{ header: X-User }`", hint: hint, &findings)
            return
        }
        readKey(&section, &findings)
        if let given = section.take("method")?.choice(of: Method.self, &findings) { method = given }
        section.read("load_factor", into: &loadFactor, or: "off", &findings) { field, findings in
            field.decimal(in: Bounds.loadFactors, example: "1.25", &findings)
        }
        section.finish(&findings)
    }

    private mutating func readKey(_ section: inout Section, _ findings: inout Findings) {
        var written: [Field] = []
        for name in ["client", "header", "cookie", "query", "path"] {
            guard let field = section.take(name) else { continue }
            written.append(field)
            if let key = Key(field, &findings) { self.key = key }
        }
        if written.count > 1 {
            let names = written.map { "`\($0.key.value)`" }.joined(separator: " and ")
            findings.error("`hash` takes one key, found \(names); keep one", at: written[1].key.position)
        }
    }
}

extension HashRules.Key {
    /// Nil when it is wrong, with an error in `findings`.
    fileprivate init?(_ field: Field, _ findings: inout Findings) {
        switch field.key.value {
        case "header":
            guard let name = field.headerName(&findings) else { return nil }
            self = .header(name)
        case "cookie":
            guard let name = field.cookieName(&findings) else { return nil }
            self = .cookie(name)
        case "query":
            guard let name = field.parameterName(&findings) else { return nil }
            self = .query(name)
        case "path":
            guard field.node.plainText == "true" else {
                field.reject(expected: "`true`", hint: "the whole path is hashed, without the query", &findings)
                return nil
            }
            self = .path
        default:
            self.init(client: field, &findings)
        }
    }

    /// `true`, or how many bits of an address belong to one client.
    private init?(client field: Field, _ findings: inout Findings) {
        guard case .client(var ipv4, var ipv6) = HashRules().key else { return nil }
        if field.node.plainText != "true" {
            guard case .mapping = field.node.content,
                var section = Section(field, "`client`", example: "{ ipv4_prefix: 24 }", &findings)
            else {
                field.reject(expected: "`true` or a mapping such as `{ ipv4_prefix: 24 }`", &findings)
                return nil
            }
            section.read("ipv4_prefix", into: &ipv4, in: Bounds.ipv4Prefixes, &findings)
            section.read("ipv6_prefix", into: &ipv6, in: Bounds.ipv6Prefixes, &findings)
            section.finish(&findings)
        }
        self = .client(ipv4Prefix: ipv4, ipv6Prefix: ipv6)
    }
}
