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
        #expect(try explain("https://other.test/", strict: true).outcome != .noHandshake)
    }

    @Test func aPlainRequestGoesToAPlainListener() throws {
        let explanation = try explain("http://site.test/a?b=c")
        #expect(explanation.listener.name == "plain" && explanation.certificate == nil)
        #expect(explanation.location == "https://site.test/a?b=c" && explanation.status == 308)
        #expect(try explain("http://site.test:443/").outcome == .refused(status: 400, reason: "plain_http_on_tls"))
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
