import ApusHTTP
import Testing

/// The request with these lines as it goes on, line by line, in lower case.
private func forwarded(
    _ lines: String..., host: String = "h", isTrusted: Bool = false, rules: ClientFieldRules = ClientFieldRules(),
    rewrites: ForwardedRequest.Rewrites = []
) throws -> [String] {
    var fields = FieldTable()
    fields.clientRules = rules
    let text = "GET / HTTP/1.1\r\nHost: \(host)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
    var bytes = Array(text.utf8)
    let head = try #require(try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields))
    if isTrusted {
        var span = bytes.mutableSpan
        fields.tidyClaims(in: &span)
    }
    var sink = Collected(input: bytes)
    head.write(
        forwarding: ForwardedRequest(isTrusted: isTrusted, ownPort: 8080, saysVia: true, rewrites: rewrites),
        fields: fields,
        to: &sink, clientAddress: { $0.append("10.1.2.3") }, ownAddress: { $0.append("127.0.0.1:8080") },
        rewritten: { part, sink in
            if part == .prefix { sink.append("/own") }
        })
    return sink.text.lowercased().split(separator: "\r\n").map(String.init)
}

/// The fields that Apus writes by itself, for the host `h`.
private let own: Set = [
    "get / http/1.1", "host: h", "x-forwarded-for: 10.1.2.3", "x-forwarded-proto: http", "x-forwarded-port: 80",
    "x-forwarded-host: h", "via: 1.1 apus",
]

/// Those of docs/configuration.md, and some that begin like the families there.
let claims =
    """
    Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix X-Forwarded-Server
    X-Forwarded-Ssl X-Forwarded-By X-Forwarded-Scheme X-Forwarded-Protocol X-Forwarded-Client-Cert X-Forwarded-User
    X-Forwarded-Tls-Client-Cert-Info X-Forwarded-Uri X-Forwarded X-Real-IP Client-IP X-Client-IP True-Client-IP
    X-Cluster-Client-IP CF-Connecting-IP CF-Connecting-IPv6 CF-Pseudo-IPv4 Fastly-Client-IP Fly-Client-IP
    CloudFront-Viewer-Address X-AppEngine-User-IP X-Envoy-External-Address X-Originating-IP Remote-Addr X-Remote-Addr
    X-Remote-IP Forwarded-For Proxy-Client-IP WL-Proxy-Client-IP X-Original-Forwarded-For X-Original-For
    X-Original-Proto X-Original-Host X-Original-Prefix X-Original-URL X-Original-URI X-Rewrite-URL X-Host X-Scheme
    X-URL-Scheme Front-End-Https Script-Name X-Script-Name Path-Info Proxy Remote-User X-Remote-User X-Remote-Group
    SSL-Client-Subject-DN Ssl-Client-I-Dn WL-Proxy-Client-Cert WL-Proxy-SSL X-AppEngine-User-Email X-ARR-SSL
    X-Azure-ClientIP X-Amzn-Oidc-Identity X-Amzn-Mtls-Clientcert X-MS-Client-Principal-Name X-Envoy-Internal
    X-Goog-Authenticated-User-Email X-Goog-IAP-JWT-Assertion CF-Access-Authenticated-User-Email CF-Access-JWT-Assertion
    CF-Visitor CloudFront-Forwarded-Proto Fastly-SSL HTTPS X-HTTPS X-Middleware-Subrequest Tailscale-User-Login
    X-Authentik-Username X-Authenticated-Userid X-Consumer-Username X-Vouch-User
    X-Remote-Extra-Scopes X-Auth-Request-User X-Auth-Request-Email X-WebAuth-User X-WebAuth-Name Client-Cert
    Client-Cert-Chain X-Client-Cert X-Client-Cert-DN SSL-Client-Cert SSL-Client-Verify SSL-Client-S-DN
    X-SSL-Client-Cert X-SSL-Client-Verify
    """.split { $0 == " " || $0 == "\n" }.map(String.init)

/// What clients say about themselves by fields that origins believe.
@Suite struct ClaimTests {
    @Test(arguments: claims) func anUntrustedClientClaimsNothing(name: String) throws {
        #expect(Set(try forwarded("\(name): x")) == own)
        #expect(Set(try forwarded("\(name.uppercased()): x")) == own)
    }

    /// Whatever stands for the hyphens, and whether or not underscores are kept.
    @Test(arguments: claims.filter { $0.contains("-") }, ["_", ".", "!", "~", "'"])
    func noSpellingOfAClaimGoesOn(name: String, mark: String) throws {
        let spelled = name.replacing("-", with: mark)
        let mixed = name.replacing("-", with: mark, maxReplacements: 1)
        for isTrusted in [false, true] {
            for rules in [ClientFieldRules(), ClientFieldRules(keepsUnderscores: true)] {
                #expect(Set(try forwarded("\(spelled): x", "\(mixed): x", isTrusted: isTrusted, rules: rules)) == own)
            }
        }
    }

    /// Who has not seen the handshake can't say whose it was: many proxies let pass what they do not know.
    static let certificates = ["Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert"]

    @Test(arguments: certificates) func nobodyIsBelievedAboutCertificates(name: String) throws {
        #expect(claims.contains(name))
        for spelled in [name, name.lowercased(), name.replacing("-", with: "."), name.replacing("-", with: "_")] {
            #expect(Set(try forwarded("\(spelled): x", "Connection: \(spelled), close", isTrusted: true)) == own)
        }
    }

    @Test(arguments: claims.filter { !certificates.contains($0) }) func aTrustedProxyIsBelieved(name: String) throws {
        let lines = try forwarded("\(name): x", isTrusted: true)
        let value = name == "X-Forwarded-For" ? "x, 10.1.2.3" : "x"
        #expect(lines.contains("\(name.lowercased()): \(value)"))
    }

    @Test(arguments: [
        "X-Forwarder-For", "X-Forwarde", "XForwarded-For", "Forwarded-By", "X-Clients-IP", "X-Hosts", "Proxied",
        "Remote", "X-Real-IPs", "X-Request-Id", "X-Requested-With", "Client", "Sec-Fetch-Site", "X-Api-Key", "X-Origin",
        "X.Request.Id", "a~b", "Ho.st", "X", "X-",
    ])
    func whatOnlyResemblesAClaimGoesOn(name: String) throws {
        #expect(try forwarded("\(name): x").contains("\(name.lowercased()): x"))
    }

    @Test func namesWithUnderscoresAreDroppedUnlessKept() throws {
        #expect(Set(try forwarded("Api_Key: x", "_: y", "a_: z")) == own)
        let kept = ClientFieldRules(keepsUnderscores: true)
        #expect(try forwarded("Api_Key: x", rules: kept).contains("api_key: x"))
    }

    @Test(arguments: [
        "Content_Length: 5", "Content.Length: 5", "Transfer_Encoding: chunked", "Transfer.Encoding: chunked",
        "transfer!encoding: chunked", "Keep_Alive: 5", "Proxy.Connection: x", "Proxy_Authorization: x",
        "Max.Forwards: 3",
    ])
    func whatFoldsIntoFramingIsDroppedAndMeansNothing(line: String) throws {
        for isTrusted in [false, true] {
            let rules = ClientFieldRules(keepsUnderscores: true)
            #expect(Set(try forwarded(line, isTrusted: isTrusted, rules: rules)) == own)
        }
        let response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\(line)\r\nX.Other: 1\r\n\r\n"
        let returned = try forwardResponse(response, ForwardedResponse(isChunked: false, connection: nil))
        let isKept = line.hasPrefix("Max")
        #expect(
            returned == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + (isKept ? line + "\r\n" : "")
                + "X.Other: 1\r\n\r\n")
    }

    @Test(arguments: claims.filter { $0 != "X-Forwarded-For" && !certificates.contains($0) })
    func connectionRemovesNoClaimOfATrustedProxy(name: String) throws {
        let lines = try forwarded("\(name): x", "Connection: \(name), close", isTrusted: true)
        #expect(lines.contains("\(name.lowercased()): x"))
    }

    // MARK: A list that one can change

    @Test func namesCanBeAdded() throws {
        let rules = ClientFieldRules(removed: ["X-Tenant", "x_Team"], keepsUnderscores: true)
        for name in ["X-Tenant", "x-tenant", "X_Tenant", "X.Tenant", "X-Team", "X_Team", "X.TEAM"] {
            #expect(Set(try forwarded("\(name): x", rules: rules)) == own)
        }
        #expect(try forwarded("X-Tenant: x", isTrusted: true, rules: rules).contains("x-tenant: x"))
        #expect(try forwarded("X-Team: x", "X-Tea: y", rules: rules).contains("x-tea: y"))
        #expect(
            try forwarded("X-Tenant: x", "Connection: X-Tenant", isTrusted: true, rules: rules)
                .contains("x-tenant: x"))
    }

    /// Also those that Apus reads for purposes of its own.
    @Test(arguments: ["Authorization", "Via", "Apus-Reason", "Cookie", "X-Any"])
    func everyNameThatIsNotUnderstoodCanBeAdded(name: String) throws {
        #expect(ClientFieldRules.role(of: name) == .other)
        let rules = ClientFieldRules(removed: [name])
        #expect(Set(try forwarded("\(name): NTLM x", rules: rules)) == own)
    }

    /// Else a rule would switch it off unknowingly.
    @Test func theMarkOfWhatComesBackStays() throws {
        #expect(ClientFieldRules.role(of: "apus-loop") == .mark)
        var fields = FieldTable()
        fields.clientRules = ClientFieldRules(removed: ["Apus-Loop"])
        let bytes = Array("GET / HTTP/1.1\r\nHost: h\r\nApus-Loop: x\r\n\r\n".utf8)
        _ = try #require(try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields))
        let hasMarks = fields.hasMarks
        #expect(hasMarks)
    }

    @Test func namesCanBeTakenOff() throws {
        let rules = ClientFieldRules(kept: ["Remote_User", "X-Forwarded-Server", "X-Real-IP", "Forwarded"])
        for name in ["Remote-User", "X-Forwarded-Server", "x-real-ip", "Forwarded", "Remote.User"] {
            #expect(try forwarded("\(name): x", rules: rules).contains("\(name.lowercased()): x"), "\(name)")
        }
        #expect(Set(try forwarded("Remote_User: x", "X-Forwarded-User: y", rules: rules)) == own)
    }

    @Test func whatFoldsIntoANamedFieldIsDropped() throws {
        let rules = ClientFieldRules(watched: ["X-User", "my_key"], keepsUnderscores: true)
        #expect(Set(try forwarded("X_User: x", "X.User: x", "my.key: x", rules: rules)) == own)
        #expect(try forwarded("X-User: x", "My_Key: y", rules: rules).contains("x-user: x"))
        #expect(try forwarded("X-User: x", "My_Key: y", rules: rules).contains("my_key: y"))
    }

    @Test func aNameIsDroppedInEverySpelling() throws {
        var fields = FieldTable()
        fields.clientRules = ClientFieldRules(keepsUnderscores: true)
        let bytes = Array("GET / HTTP/1.1\r\nHost: h\r\nX-User: 1\r\nX_User: 2\r\nx.user: 3\r\nX-Use: 4\r\n\r\n".utf8)
        _ = try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields)
        fields.drop(Array("x-user".utf8).span, in: bytes.span)
        #expect((0..<fields.count).map { fields[$0].isDropped } == [false, true, true, true, false])
    }

    // MARK: What is added

    @Test(arguments: [
        ("h", "80"), ("h:", "80"), ("h:8443", "8443"), ("[::1]:9", "9"), ("[::1]", "80"),
    ])
    func thePortIsTheOneThatTheClientNames(host: String, port: String) throws {
        #expect(try forwarded(host: host).contains("x-forwarded-port: \(port)"))
        #expect(try forwarded(host: host, isTrusted: true).contains("x-forwarded-port: \(port)"))
        let absolute = try forward("GET http://\(host)/ HTTP/1.1\r\nHost: other:1\r\n\r\n")
        #expect(absolute.contains("X-Forwarded-Port: \(port)\r\n"))
    }

    @Test func ofAClientThatNamesNoHostThePortIsTheListeners() throws {
        var fields = FieldTable()
        let bytes = Array("GET / HTTP/1.0\r\n\r\n".utf8)
        let head = try #require(try RequestHead.parse(bytes.span, limits: HeadLimits(), into: &fields))
        var sink = Collected(input: bytes)
        head.write(
            forwarding: ForwardedRequest(isTrusted: false, ownPort: 8080), fields: fields, to: &sink,
            clientAddress: { $0.append("10.1.2.3") }, ownAddress: { $0.append("127.0.0.1:8080") })
        #expect(sink.text.contains("X-Forwarded-Port: 8080\r\n"))
    }

    /// Behind a proxy that speaks TLS, the port of Host or the listener would be wrong.
    @Test(arguments: ["X-Forwarded-Proto: https", "X-Forwarded-Host: a.test", "X-Forwarded-Port: 443"])
    func aTrustedProxyKnowsThePort(line: String) throws {
        let lines = try forwarded(line, host: "h:8080", isTrusted: true)
        #expect(!lines.contains("x-forwarded-port: 8080"))
        #expect(lines.contains(line.lowercased()))
    }

    @Test func thePrefixStandsBehindThoseOfTrustedProxies() throws {
        let rewrites = ForwardedRequest.Rewrites.prefix
        #expect(try forwarded("X-Forwarded-Prefix: /evil", rewrites: rewrites).contains("x-forwarded-prefix: /own"))
        for (line, value) in [
            ("/a/", "/a/own"), ("/a", "/a/own"), ("/", "/own"), ("", "/own"), ("/a, /b/", "/a, /b/own"),
        ] {
            let lines = try forwarded("X-Forwarded-Prefix: \(line)", isTrusted: true, rewrites: rewrites)
            #expect(lines.filter { $0.hasPrefix("x-forwarded-prefix") } == ["x-forwarded-prefix: \(value)"])
        }
    }

    @Test(arguments: [
        (", ,1.2.3.4", "1.2.3.4, 10.1.2.3"), ("", "10.1.2.3"), (",", "10.1.2.3"), (" , ,, ", "10.1.2.3"),
        ("1.1.1.1,,2.2.2.2", "1.1.1.1,2.2.2.2, 10.1.2.3"), ("1.1.1.1, 2.2.2.2", "1.1.1.1, 2.2.2.2, 10.1.2.3"),
        ("1.1.1.1 ,\t,", "1.1.1.1, 10.1.2.3"),
    ])
    func emptyElementsOfXForwardedForGo(value: String, expected: String) throws {
        let lines = try forwarded("X-Forwarded-For: \(value)", isTrusted: true)
        #expect(lines.filter { $0.hasPrefix("x-forwarded-for") } == ["x-forwarded-for: \(expected)"])
        let two = try forwarded("X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: \(value)", isTrusted: true)
        #expect(two.contains("x-forwarded-for: 9.9.9.9, \(expected)"))
    }

    // MARK: Responses

    @Test(arguments: ["Apus-Reason", "apus-reason", "Apus_Reason", "APUS.REASON"])
    func anOriginGivesNoReasons(name: String) throws {
        let response = "HTTP/1.1 503 No\r\n\(name): no_route\r\nContent-Length: 0\r\n\r\n"
        #expect(
            try forwardResponse(response, ForwardedResponse(isChunked: false, connection: nil))
                == "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
        let kept = try forwardResponse(
            response, ForwardedResponse(isChunked: false, connection: nil, keepsReason: true))
        #expect(kept.contains("no_route") == (name.contains("-")))
    }
}
