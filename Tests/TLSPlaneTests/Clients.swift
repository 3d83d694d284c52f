import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTLS
import ApusTestKit
import Foundation
import Testing

/// TLS with clients that Apus did not write: curl and OpenSSL.
@Suite(.serialized) struct Clients {
    @Test func aClientGetsWhatAPlainOneGets() throws {
        let origin = try Origin()
        let tls = try showing("site")
        let proxy = try tlsProxy(origin) { $0.listener = { $0.tls = tls } }
        #expect(try curl(proxy).hasSuffix(" 200"))
        let fields = try #require(origin.requests.first).fields
        #expect(fields.all("X-Forwarded-Proto") == ["https"])
        #expect(fields.all("X-Forwarded-Port") == ["\(proxy.address.port)"])
        try proxy.eventually("the count") { proxy.count(.handshakes) == 1 }
        #expect(proxy.count(.handshakeFailures) == 0)
    }

    @Test(arguments: ["--tls-max 1.2", "--tlsv1.3", "--http1.0", "--curves P-256", "--curves X25519:P-384"])
    func everyWayOfAskingIsAnswered(options: String) throws {
        let tls = try showing("site")
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        #expect(try curl(proxy, "/", options).hasSuffix(" 200"))
    }

    /// Large bodies both ways, through TLS on both sides.
    @Test func bodiesPassWhole() throws {
        let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 9) }
        let body = FileManager.default.temporaryDirectory.appending(path: "apus-tls-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: body) }
        try Data(bytes).write(to: body)
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.body.count)\r\n\r\n")
                try connection.send(request.body)
            }
        }
        let tls = try showing("site")
        let inner = try tlsProxy(origin) { $0.listener = { $0.tls = tls } }
        let believing = try trusting()
        let proxy = try tlsProxy(Place(address: inner.address)) {
            $0.listener = { $0.tls = tls }
            $0.pool = { pool, _ in pool.tls = believing }
        }
        let got = body.appendingPathExtension("got")
        defer { try? FileManager.default.removeItem(at: got) }
        #expect(try curl(proxy, "/", "--data-binary @\(body.path) -o \(got.path)") == " 200")
        #expect(try Data(contentsOf: got) == Data(bytes))
    }

    @Test func theCertificateIsThatOfTheName() throws {
        let tls = try showing("site", "other")
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        func subject(_ options: String) throws -> String {
            let subject = try openssl(proxy, options).split(separator: "\n").first { $0.hasPrefix("subject=") } ?? ""
            return subject.firstMatch(of: /CN ?= ?([a-z]+)/).map { String($0.1) } ?? "none"
        }
        #expect(try subject("-servername site.test") == "site")
        #expect(try subject("-servername www.site.test") == "site")
        #expect(try subject("-servername OTHER.test") == "other")
        // One label, no more: the first is shown.
        #expect(try subject("-servername a.b.other.test") == "site")
        #expect(try subject("-noservername") == "site")
        var strict = tls
        strict.isStrict = true
        let reserved = try tlsProxy(try Origin()) { [strict] in $0.listener = { $0.tls = strict } }
        for name in ["-servername nobody.test", "-noservername", "-servername nobody.test -tls1_2"] {
            let said = try openssl(reserved, name)
            #expect(said.contains("no peer certificate available") && said.contains("alert number 112"), "\(said)")
        }
        try reserved.eventually("the count") { reserved.count(.unknownName) == 3 }
        #expect(try openssl(reserved, "-servername other.test").contains("CN = other"))
    }

    /// Of two for one name, the first that the client can make use of.
    @Test func theKeyIsOneThatTheClientKnows() throws {
        let tls = try showing("site", "site-rsa")
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        for version in ["-tls1_3", "-tls1_2"] {
            let rsa = try openssl(proxy, "-servername site.test \(version) -sigalgs RSA-PSS+SHA256")
            #expect(rsa.contains("CN = site-rsa") && rsa.contains("Peer signature type: RSA-PSS"))
            let both = try openssl(proxy, "-servername site.test \(version)")
            #expect(both.contains("Peer signature type: ECDSA"))
        }
    }

    /// The authority's word is shown to those that ask, whichever of the certificates they take.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func anOCSPResponseIsStapled(version: String) throws {
        var tls = try showing("site-rsa")
        tls.certificates.insert(.init(try certificate("site", with: "site.ocsp"), names: ["site.test"]), at: 0)
        let proxy = try tlsProxy(try Origin()) { [tls] in $0.listener = { $0.tls = tls } }
        let asked =
            "-servername site.test \(version) -status -CAfile \(TestCertificates.path("ca.pem")) -verify_return_error"
        let shown = try openssl(proxy, asked)
        #expect(shown.contains("OCSP Response Status: successful") && shown.contains("Cert Status: good"))
        let unasked = try openssl(proxy, "-servername site.test \(version)")
        #expect(!unasked.contains("OCSP") && unasked.contains("CN = site"))
        let other = try openssl(proxy, "\(asked) -sigalgs RSA-PSS+SHA256")
        #expect(other.contains("CN = site-rsa") && other.contains("OCSP response: no response sent"))
        // Curl verifies it.
        #expect(try curl(proxy, "/", "--cert-status").hasSuffix(" 200"))
    }

    @Test func versionsThatAreTooOldAreRefused() throws {
        var tls = try showing("site")
        let proxy = try tlsProxy(try Origin()) { [tls] in $0.listener = { $0.tls = tls } }
        #expect(try openssl(proxy, "-tls1_1 -cipher ALL:@SECLEVEL=0").contains("no peer certificate available"))
        #expect(try openssl(proxy, "-tls1_2 -cipher AES128-SHA").contains("no peer certificate available"))
        tls.minimum = .tls13
        let modern = try tlsProxy(try Origin()) { [tls] in $0.listener = { $0.tls = tls } }
        #expect(try openssl(modern, "-tls1_2").contains("no peer certificate available"))
        #expect(try openssl(modern, "-tls1_3").contains("CN = site"))
    }

    /// On another process too, if it has the keys.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func sessionsAreResumed(version: String) throws {
        let tls = try showing("site")
        let keys = TicketKeys()
        let proxy = try tlsProxy(try Origin(), tickets: keys) { $0.listener = { $0.tls = tls } }
        let file = FileManager.default.temporaryDirectory.appending(path: "apus-session-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let ask = { (proxy: Proxy, options: String) in
            try conversation(proxy, "site.test", "\(version) \(options)")
        }
        #expect(try ask(proxy, "-sess_out \(file)").contains("New, TLS"))
        #expect(try ask(proxy, "-sess_in \(file)").contains("Reused, TLS"))
        let other = try tlsProxy(try Origin(), tickets: TicketKeys(keys.all)) { $0.listener = { $0.tls = tls } }
        #expect(try ask(other, "-sess_in \(file)").contains("Reused, TLS"))
        let stranger = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        #expect(try ask(stranger, "-sess_in \(file)").contains("New, TLS"))
        try proxy.eventually("the count") { proxy.count(.handshakesResumed) == 1 }
    }

    /// A session that was verified for one certificate is none for another, at whatever listener and by whatever name.
    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func sessionsStayWithTheirCertificate(version: String) throws {
        let keys = TicketKeys()
        let (site, other, both) = (try showing("site"), try showing("other"), try showing("site", "other"))
        let proxy = try tlsProxy(try Origin(), tickets: keys) { $0.listener = { $0.tls = both } }
        let file = FileManager.default.temporaryDirectory.appending(path: "apus-session-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: file) }
        let ask = { (proxy: Proxy, name: String, options: String) in
            try conversation(proxy, name, "\(version) \(options)")
        }
        #expect(try ask(proxy, "site.test", "-sess_out \(file)").contains("New, TLS"))
        // For another name of the same certificate TLS 1.3 alone allows it (RFC 6066 section 3, RFC 8446 section 4.6.1).
        let byAnotherName = version == "-tls1_3" ? "Reused, TLS" : "New, TLS"
        #expect(try ask(proxy, "www.site.test", "-sess_in \(file)").contains(byAnotherName))
        #expect(try ask(proxy, "other.test", "-sess_in \(file)").contains("New, TLS"))
        let inside = try tlsProxy(try Origin(), tickets: keys) { $0.listener = { $0.tls = other } }
        #expect(try ask(inside, "site.test", "-sess_in \(file)").contains("New, TLS"))
        let alike = try tlsProxy(try Origin(), tickets: keys) { $0.listener = { $0.tls = site } }
        #expect(try ask(alike, "site.test", "-sess_in \(file)").contains("Reused, TLS"))
    }

    // MARK: - What is no TLS

    @Test func aPlainRequestIsToldSo() throws {
        let tls = try showing("site")
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        for method in ["GET", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let response = try proxy.exchange("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n", method: method)
            #expect(response.status == 400 && response.fields.all("Apus-Reason") == ["plain_http_on_tls"])
        }
        try proxy.eventually("the count") { proxy.count(.plainHTTPOnTLS) == 7 }
    }

    @Test func aHandshakeAtAPlainListenerIsCalledThat() throws {
        let proxy = try tlsProxy(try Origin()) { _ in }
        _ = try curl(proxy)
        try proxy.eventually("the count") { proxy.count(.tlsOnPlainHTTP) == 1 }
    }

    @Test func whatIsNothingEndsTheConnection() throws {
        let tls = try showing("site")
        let proxy = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let client = try proxy.connect()
        try client.send("\u{1}\u{2}\u{3}nothing that anybody knows, and long enough for a header\r\n\r\n")
        _ = try? client.readToEnd()
        try proxy.eventually("the count") {
            proxy.count(.handshakeFailures) == 1 && proxy.count(.connectionsClosed) == 1
        }
    }

    @Test func aHandshakeHasADeadline() throws {
        let tls = try showing("site")
        let proxy = try tlsProxy(try Origin()) {
            $0.listener = { $0.tls = tls }
            $0.timeouts.handshake = .milliseconds(200)
        }
        let client = try proxy.connect()
        try client.send("\u{16}\u{3}\u{1}")
        _ = try? client.readToEnd()
        try proxy.eventually("the count") { proxy.count(.handshakeTimeouts) == 1 }
    }
}

/// An address that is an endpoint.
struct Place: Addressed {
    let address: SocketAddress
}
