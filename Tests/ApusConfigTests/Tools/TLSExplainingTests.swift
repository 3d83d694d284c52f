import ApusConfig
import ApusModel
import Testing

/// Which certificate a client is shown, and why.
@Suite struct TLSExplainingTests {
    private static let text = """
        listeners:
          - { name: plain, bind: ":80", redirect_to_https: on }
          - name: edge
            bind: :443
            tls:
              certificates:
                - { certificate: tls/site.pem, key: tls/site.key }
                - { certificate: tls/site-rsa.pem, key: tls/site-rsa.key }
                - { certificate: tls/other.pem, key: tls/other.key }
              strict: STRICT
            routes: [{ pool: web }]
        pools: { web: { endpoints: ["10.0.0.1:80"] } }
        """

    private func explain(_ url: String, strict: Bool = false) throws -> RequestExplanation {
        let text = Self.text.replacing("STRICT", with: strict ? "on" : "off")
        let loaded = try ConfigurationLoader.scripted.load(text: text, file: "f")
        return try RequestExplainer(loaded.snapshot).explain(DescribedRequest(method: "GET", url: url))
    }

    private static let site =
        "tls/site.pem (ECDSA, until 2125-01-01) or tls/site-rsa.pem (RSA, until 2125-01-01)"

    @Test(arguments: [
        ("https://site.test/", "\(site), for the name site.test"),
        ("https://SITE.test:443/", "\(site), for the name site.test"),
        ("https://www.site.test/", "\(site), for *.site.test"),
        ("https://other.test/", "tls/other.pem (ECDSA, until 2125-01-01), for the name other.test"),
        ("https://nobody.test/", "\(site), the first: none is for nobody.test"),
        ("https://10.0.0.9/", "\(site), the first: the client asks for no name"),
        ("https://[::1]/", "\(site), the first: the client asks for no name"),
    ])
    func theCertificateIsTold(url: String, words: String) throws {
        let explanation = try explain(url)
        #expect(explanation.certificate == words)
        #expect(explanation.listener.name == "edge" && explanation.route == "*")
        #expect(explanation.text.contains("tls       shows \(words)\n"))
    }

    @Test func whereNothingIsShownNothingIsAsked() throws {
        let explanation = try explain("https://nobody.test/", strict: true)
        #expect(explanation.outcome == .noHandshake && explanation.status == nil)
        #expect(explanation.text.contains("none: there is none for nobody.test, and `strict` is on"))
        #expect(explanation.text.contains("answer    none: the TLS handshake fails"))
        #expect(explanation.text.hasPrefix("GET / for host nobody.test, from 127.0.0.1\n"))
        #expect(explanation.handshakeFailure == "there is no certificate for nobody.test, and `strict` is on")
        #expect(try explain("https://other.test/", strict: true).outcome != .noHandshake)
    }

    @Test func aPlainRequestGoesToAPlainListener() throws {
        let explanation = try explain("http://site.test/a?b=c")
        #expect(explanation.listener.name == "plain" && explanation.certificate == nil)
        #expect(explanation.location == "https://site.test/a?b=c" && explanation.status == 308)
        #expect(try explain("http://site.test:443/").outcome == .refused(status: 400, reason: "plain_http_on_tls"))
    }

    /// Also of a request that nobody reads it is told which it is.
    @Test func theRequestIsNamedWhateverBecomesOfIt() throws {
        let plain = try explain("http://site.test:443/a?b=c")
        #expect(plain.text.hasPrefix("GET /a?b=c for host site.test, from 127.0.0.1\n"))
        let refused = try explain("https://nobody.test:443/a?b=c#d", strict: true)
        #expect(refused.text.hasPrefix("GET /a?b=c for host nobody.test, from 127.0.0.1\n"))
        let alone = try RequestExplainer(
            ConfigurationLoader.scripted.load(text: Self.text.replacing("STRICT", with: "on"), file: "f").snapshot
        ).explain(DescribedRequest(method: "GET", url: "/x", listener: "edge"))
        #expect(alone.text.hasPrefix("GET /x for host [::]:443, from 127.0.0.1\n"), "\(alone.text)")
    }

    @Test func checkDescribesIt() throws {
        func lines(_ strict: String) throws -> [String] {
            let text = Self.text.replacing("STRICT", with: strict)
            return ConfigurationDescription(try ConfigurationLoader.scripted.load(text: text, file: "f").snapshot).lines
        }
        #expect(
            try lines("on\n      minimum: \"1.3\"")[1]
                == "listener  edge at [::]:443: 1 route to web, TLS 1.3 with 3 certificates (site.test, *.site.test, other.test)"
        )
        let asking = try lines("on\n      clients: { ca: tls/ca.pem }")[1]
        #expect(
            asking.hasSuffix(
                "TLS with 3 certificates (site.test, *.site.test, other.test), asks clients for certificates"))
        let two = Self.text.replacing("tls/other.key }", with: "tls/other.key, clients: { ca: tls/ca.pem } }")
            .replacing("STRICT", with: "off").replacing("tls/other.pem", with: "tls/other.pem, names: [a.test, b.test]")
        let some = ConfigurationDescription(try ConfigurationLoader.scripted.load(text: two, file: "f").snapshot).lines[
            1]
        #expect(
            some.hasSuffix(" (site.test, *.site.test, a.test and 1 more), asks some clients for certificates"),
            "\(some)")
    }
}

/// What a client must show itself.
@Suite struct ClientCertificateExplainingTests {
    private static let text = """
        listeners:
          - name: edge
            bind: :443
            tls:
              certificates:
                - { certificate: tls/site.pem, key: tls/site.key }
                - { certificate: tls/other.pem, key: tls/other.key, clients: { ca: tls/ca.pem, mode: MODE, names: ["*.test", "CN=bob"] } }
            routes:
              - { path: /admin, pool: web, client_certificate: "CN=bob" }
              - { pool: web }
        pools: { web: { endpoints: ["10.0.0.1:80"] } }
        """

    private func explain(
        _ url: String, mode: String = "required", names: [String]? = nil, host: String? = nil
    ) throws -> RequestExplanation {
        let text = Self.text.replacing("MODE", with: mode)
        let loaded = try ConfigurationLoader.scripted.load(text: text, file: "f")
        return try RequestExplainer(loaded.snapshot).explain(
            DescribedRequest(
                method: "GET", url: url, headers: host.map { [.init(name: "Host", value: $0)] } ?? [],
                clientCertificate: names))
    }

    @Test func whoMustShowACertificateIsTold() throws {
        let none = try explain("https://other.test/")
        #expect(none.outcome == .noHandshake)
        #expect(
            none.text.contains("client    shows no certificate; one signed by an authority in tls/ca.pem is required\n")
        )
        let wrong = try explain("https://other.test/", names: ["CN=alice"])
        #expect(wrong.outcome == .noHandshake)
        #expect(
            wrong.text.contains(
                "client    shows a certificate for CN=alice, but only these names are let in: *.test, CN=bob\n"))
        let right = try explain("https://other.test/", names: ["a.test"])
        #expect(right.outcome == .forward(split: nil))
        let shown = "client    shows a certificate for a.test, assumed to be signed by an authority in tls/ca.pem\n"
        #expect(right.text.contains(shown))
        let optional = try explain("https://other.test/", mode: "optional")
        #expect(optional.outcome == .forward(split: nil))
        #expect(try explain("https://site.test/").clientCertificate == nil)
        #expect(none.text.hasPrefix("GET / for host other.test, from 127.0.0.1\n"))
        #expect(none.handshakeFailure == "the name asks for a certificate of the client")
        let dropped = try explain("https://site.test/", names: ["CN=bob"])
        #expect(
            dropped.text.contains(
                "client    does not show a certificate for CN=bob: clients that ask for this name are asked for none\n")
        )
        #expect(dropped.outcome == .forward(split: nil))
    }

    /// Among what origins get are the fields by which they are told.
    @Test func originsAreToldOfTheCertificate() throws {
        func fields(_ forward: String, _ url: String = "https://other.test/", _ names: [String]? = ["a.test"]) throws
            -> [String]
        {
            let text = Self.text.replacing("mode: MODE", with: "mode: optional, forward: \(forward)")
            let loaded = try ConfigurationLoader.scripted.load(text: text, file: "f")
            let request = DescribedRequest(method: "GET", url: url, clientCertificate: names)
            let explanation = try RequestExplainer(loaded.snapshot).explain(request)
            return explanation.text.split(separator: "\n").filter { $0.hasPrefix("          set ") }
                .map { String($0.dropFirst(14)) }
        }
        #expect(try fields("[client_cert]") == ["Client-Cert: (the certificate that the client shows)"])
        #expect(
            try fields("[xfcc]", "https://other.test/", ["spiffe://a/b", "a.test", "m@a.test", "CN=bob"])
                == ["X-Forwarded-Client-Cert: Hash=...;Subject=\"...\";URI=spiffe://a/b;DNS=a.test"])
        #expect(try fields("[client_cert, client_cert_chain, xfcc]").count == 3)
        #expect(try fields("[]") == [])
        #expect(try fields("[client_cert]", "https://other.test/", nil) == [])
        #expect(try fields("[client_cert]", "https://site.test/") == [])
    }

    @Test func aListThatIsOutOfDateLetsNobodyIn() throws {
        func explain(_ now: Int64, _ names: [String]?, mode: String = "required") throws -> RequestExplanation {
            let text = Self.text.replacing("mode: MODE", with: "mode: \(mode), crl: tls/crl-old.pem")
            let loaded = try ConfigurationLoader.scripted.load(text: text, file: "f")
            let request = DescribedRequest(method: "GET", url: "https://other.test/", clientCertificate: names)
            return try RequestExplainer(loaded.snapshot, now: now).explain(request)
        }
        let (before, after): (Int64, Int64) = (1_700_000_000, 1_780_000_000)
        let words = "the list of revoked certificates tls/crl-old.pem is out of date since 2025-01-01: nobody is let in"
        let shown = try explain(after, ["CN=bob"])
        #expect(shown.outcome == .noHandshake && shown.handshakeFailure == words)
        #expect(shown.text.contains("assumed to be signed by an authority in tls/ca.pem; \(words)\n"))
        let none = try explain(after, nil)
        #expect(none.text.contains("one signed by an authority in tls/ca.pem is required; \(words)\n"))
        #expect(try explain(before, ["CN=bob"]).outcome == .forward(split: nil))
        #expect(try !explain(before, ["CN=bob"]).text.contains("out of date"))
        // Who shows none is not looked up.
        #expect(try explain(after, nil, mode: "optional").outcome == .forward(split: nil))
    }

    @Test func routesLetInWhomTheyName() throws {
        let refused = RequestExplanation.Outcome.refused(status: 403, reason: "client_certificate_required")
        #expect(try explain("https://other.test/admin", names: ["a.test"]).outcome == refused)
        #expect(try explain("https://other.test/admin", mode: "optional").outcome == refused)
        #expect(try explain("https://site.test/admin").outcome == refused)
        let bob = try explain("https://other.test/admin", names: ["CN=bob"])
        #expect(bob.outcome == .forward(split: nil) && bob.text.contains("client_certificate CN=bob"))
    }

    @Test func aHostOfOtherRulesIsMisdirected() throws {
        let misdirected = RequestExplanation.Outcome.refused(status: 421, reason: "misdirected_request")
        #expect(try explain("https://site.test/", host: "other.test").outcome == misdirected)
        #expect(try explain("https://site.test/", host: "other.test.").outcome == misdirected)
        #expect(try explain("https://site.test/", host: "nobody.test").outcome == .forward(split: nil))
    }

    /// `diff` of the admin server's.
    @Test func whatChangesOfTheAdminServersIsTold() throws {
        func changes(_ old: String, _ new: String) throws -> [String] {
            func load(_ tls: String) throws -> Snapshot {
                let text = """
                    listeners: [{ bind: 127.0.0.1:8080 }]
                    pools: { web: { endpoints: [127.0.0.1:3001] } }
                    admin: { bind: 127.0.0.1:9000\(tls) }
                    """
                return try ConfigurationLoader.scripted.load(text: text, file: "f").snapshot
            }
            return ConfigurationChanges(from: try load(old), to: try load(new)).lines
        }
        func tls(_ more: String) -> String { ", tls: { certificate: tls/site.pem, key: tls/site.key\(more) }" }
        let on = try changes("", tls(""))
        #expect(on.count == 1, "\(on)")
        #expect(on[0].hasPrefix("admin(127.0.0.1:9000).tls off -> { certificate: tls/site.pem"), "\(on)")
        let off = try changes(tls(""), "")
        #expect(off.count == 1 && off[0].hasSuffix(" -> off"), "\(off)")
        let clients = ", clients: { ca: tls/ca.pem"
        #expect(
            try changes(tls(clients + " }"), tls(clients + ", mode: optional }, minimum: 1.3")) == [
                "admin(127.0.0.1:9000).tls.minimum 1.2 -> 1.3",
                "admin(127.0.0.1:9000).tls.clients.mode required -> optional",
            ])
        #expect(try changes(tls(""), tls("")).isEmpty)
    }
}
