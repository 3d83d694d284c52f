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
