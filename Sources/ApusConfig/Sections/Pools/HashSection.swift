import ApusModel

extension HashRules: Keyed {
    static let usual = HashRules()

    static let keys: [SectionKey<HashRules>] = [
        SectionKey(
            "client", .either([.flag, ClientPrefixes.shape]), "The client's address.", words: "`true`, or a mapping",
            usually: "", told: { $0.client.map { .section(Settings($0)) } }),
        SectionKey(
            "header", .text(), "A header, by name.", words: "the name of a header", usually: "",
            told: { if case .header(let name) = $0.key { .word(name) } else { nil } }),
        SectionKey(
            "cookie", .text(), "A cookie, by name.", words: "the name of a cookie", usually: "",
            told: { if case .cookie(let name) = $0.key { .word(name) } else { nil } }),
        SectionKey(
            "query", .text(), "A query parameter, by name.", words: "the name of a query parameter", usually: "",
            told: { if case .query(let name) = $0.key { .word(name) } else { nil } }),
        SectionKey(
            "path", .flag, "The path.", words: "`true`", usually: "",
            told: { $0.key == .path ? .word("true") : nil }),
        SectionKey("method", \.method, Kind.choice, "How an endpoint is found by the hash."),
        SectionKey(
            "load_factor", \.loadFactor, Kind.decimal(in: Bounds.loadFactors, example: "1.25").or("off"),
            "How much above the mean an endpoint's load may be."),
    ]

    /// `client`, `path`, or a mapping that names one key.
    static let kind = Kind<HashRules>(
        .either([.words(["client", "path"]), shape]), told: { .section(Settings($0)) }, read: HashRules.read)

    private static func read(_ field: Field, _ findings: inout Findings) -> HashRules? {
        switch field.node.plainText {
        case "client": return HashRules()
        case "path": return HashRules(key: .path)
        default: break
        }
        if case .mapping = field.node.content { return HashRules(field, example: "{ header: X-User }", &findings) }
        let hint: String? =
            switch field.node.plainText {
            case let kind? where ["header", "cookie", "query"].contains(kind): "say which: `{ \(kind): NAME }`"
            case "ip", "source", "src", "remote_addr", "client_ip": "here it is `client`"
            case "uri", "url": "here it is `path`"
            default: nil
            }
        field.reject(expected: "`client`, `path` or a mapping such as `{ header: X-User }`", hint: hint, &findings)
        return nil
    }

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let fields = written.these(["client", "header", "cookie", "query", "path"])
        for field in fields {
            if let key = Key(field, &findings) { self.key = key }
        }
        guard fields.count > 1 else { return }
        let names = fields.map { "`\($0.key.value)`" }.joined(separator: " and ")
        findings.error("`hash` takes one key, found \(names); keep one", at: fields[1].key.position)
    }

    private var client: ClientPrefixes? {
        if case .client(let ipv4, let ipv6) = key { ClientPrefixes(ipv4: ipv4, ipv6: ipv6) } else { nil }
    }
}

/// How many bits of an address belong to one client.
private struct ClientPrefixes: Keyed {
    var ipv4: Int
    var ipv6: Int

    static let usual: ClientPrefixes = {
        guard case .client(let ipv4, let ipv6) = HashRules().key else { return ClientPrefixes(ipv4: 32, ipv6: 128) }
        return ClientPrefixes(ipv4: ipv4, ipv6: ipv6)
    }()

    static let keys: [SectionKey<ClientPrefixes>] = [
        SectionKey(
            "ipv4_prefix", \.ipv4, Kind.integer(in: Bounds.ipv4Prefixes),
            "Bits of an IPv4 address that tell clients apart."),
        SectionKey(
            "ipv6_prefix", \.ipv6, Kind.integer(in: Bounds.ipv6Prefixes),
            "Bits of an IPv6 address that tell clients apart."),
    ]
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
        var prefixes = ClientPrefixes.usual
        if field.node.plainText != "true" {
            guard case .mapping = field.node.content else {
                field.reject(expected: "`true` or a mapping such as `{ ipv4_prefix: 24 }`", &findings)
                return nil
            }
            prefixes = ClientPrefixes(field, example: "{ ipv4_prefix: 24 }", &findings)
        }
        self = .client(ipv4Prefix: prefixes.ipv4, ipv6Prefix: prefixes.ipv6)
    }
}
