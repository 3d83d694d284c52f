import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTLS
import ApusTestKit
import Testing

/// TLS with origins: each fault of their certificates has its own reason.
@Suite(.serialized) struct Origins {
    @Test(
        arguments: [
            ("site", "ca", nil, nil), ("site-rsa", "ca", nil, nil), ("site-ed25519", "ca", nil, nil),
            ("site", "ca", "www.site.test", nil), ("unknown", "stranger", nil, nil),
            ("unknown", nil, nil, nil), ("expired", nil, nil, nil), ("other", nil, "site.test", nil),
            ("expired", "ca", nil, "tls_certificate_expired"), ("future", "ca", nil, "tls_bad_certificate"),
            ("unknown", "ca", nil, "tls_unknown_issuer"), ("other", "ca", nil, "tls_wrong_name"),
            ("site", "ca", "other.test", "tls_wrong_name"), ("site", "ca", "a.b.site.test", "tls_wrong_name"),
            ("nameless", "ca", nil, "tls_wrong_name"),
            // The common name is no name (RFC 9525).
            ("nameless", "ca", "nameless", "tls_wrong_name"), ("client", "ca", "client.test", "tls_bad_certificate"),
        ] as [(String, String?, String?, String?)])
    func certificatesAreVerified(shown: String, trusted: String?, name: String?, reason: String?) throws {
        let tls = try showing(shown)
        let origin = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let believing = try trusting(trusted, as: name)
        let proxy = try tlsProxy(Place(address: origin.address)) { $0.pool = { pool, _ in pool.tls = believing } }
        let response = try proxy.get()
        #expect(response.status == (reason == nil ? 200 : 502))
        #expect(response.fields.all("Apus-Reason") == (reason.map { [$0] } ?? []))
    }

    @Test func whatSpeaksNoTLSIsCalledThat() throws {
        let believing = try trusting()
        let proxy = try tlsProxy(try Origin()) { $0.pool = { pool, _ in pool.tls = believing } }
        let response = try proxy.get()
        #expect(response.status == 502 && response.fields.all("Apus-Reason") == ["tls_handshake_failed"])
    }

    @Test func aHandshakeThatHangsIsCutOff() throws {
        let believing = try trusting()
        let proxy = try tlsProxy(try Origin.silent()) {
            $0.pool = { pool, _ in pool.tls = believing }
            $0.timeouts.connect = .milliseconds(200)
        }
        let response = try proxy.get()
        #expect(response.status == 504 && response.fields.all("Apus-Reason") == ["tls_handshake_timeout"])
    }

    /// Connections are kept, and new ones resume.
    @Test func connectionsAndSessionsAreUsedAgain() throws {
        let tls = try showing("site")
        let origin = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let believing = try trusting()
        let proxy = try tlsProxy(Place(address: origin.address)) { $0.pool = { pool, _ in pool.tls = believing } }
        for _ in 0..<5 { #expect(try proxy.get().status == 200) }
        #expect(proxy.count(.connectionsOpened, endpoint: 0) == 1 && proxy.count(.connectionsReused, endpoint: 0) == 4)
        let fresh = try tlsProxy(Place(address: origin.address)) {
            $0.pool = { pool, _ in
                pool.tls = believing
                pool.connections.maxIdle = 0
            }
        }
        let before = origin.count(.handshakesResumed)
        for _ in 0..<5 { #expect(try fresh.get().status == 200) }
        try origin.eventually("the count") { origin.count(.handshakesResumed) == before + 4 }
    }

    // MARK: - What one link leaves is not for another

    /// One worker: what a client said in the clear, and the engine did not take, is nobody else's.
    @Test func aPlainRequestAtTheListenerHurtsNoOrigin() throws {
        let tls = try showing("site")
        let origin = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        let believing = try trusting()
        let proxy = try tlsProxy(Place(address: origin.address)) {
            $0.listener = { $0.tls = tls }
            $0.pool = { pool, _ in
                pool.tls = believing
                pool.connections.maxIdle = 0
            }
        }
        for _ in 0..<3 {
            let plain = try proxy.exchange(
                "GET / HTTP/1.1\r\nHost: a\r\nX-Long: \(String(repeating: "x", count: 900))\r\n\r\n")
            #expect(plain.status == 400)
            #expect(try curl(proxy).hasSuffix(" 200"))
        }
        #expect(proxy.count(.connectFailures, endpoint: 0) == 0)
    }

    @Test func anOriginWithoutTLSHurtsNoOther() throws {
        let tls = try showing("site")
        let good = try tlsProxy(try Origin()) { $0.listener = { $0.tls = tls } }
        // It speaks at once, and much.
        let plain = try Origin { connection in
            try connection.send("HTTP/1.1 400 Bad Request\r\nX-Long: \(String(repeating: "x", count: 900))\r\n\r\n")
            while try connection.receiveMore() {}
        }
        let believing = try trusting()
        let proxy = try tlsProxy(plain, Place(address: good.address)) {
            $0.pool = { pool, _ in
                pool.tls = believing
                pool.connections.maxIdle = 0
            }
        }
        for _ in 0..<6 { #expect(try proxy.get().status == 200) }
        #expect(proxy.count(.connectFailures, endpoint: 0) > 0 && proxy.count(.connectFailures, endpoint: 1) == 0)
    }

    /// The end comes with the last of the body, or behind it: both are the same.
    @Test func aBodyUntilTheEndIsWhole() throws {
        let origin = try OpenSSLServer(certificate: "site")
        let believing = try trusting()
        let proxy = try tlsProxy(origin) { $0.pool = { pool, _ in pool.tls = believing } }
        for _ in 0..<20 {
            let response = try proxy.get()
            #expect(response.status == 200 && response.isComplete && response.text.contains("s_server"))
        }
    }

    /// In TLS 1.3 an origin says what it thinks of a certificate when the request is on its way: that is still its handshake.
    @Test(.onOwnThreads, arguments: [nil, "client-unknown"] as [String?])
    func anOriginMayRefuseBehindTheHandshake(shown: String?) async throws {
        let refusing = try Origin()
        var tls = try showing("site")
        tls.certificates[0].clients = try asking()
        let strict = try tlsProxy(refusing) { [tls] in $0.listener = { $0.tls = tls } }
        var rules = try trusting(as: "site.test")
        rules.certificate = try shown.map { try certificate($0) }
        let proxy = try tlsProxy(Place(address: strict.address)) { [rules] in
            $0.pool = { pool, _ in pool.tls = rules }
        }
        let response = try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        #expect(response.status == 502 && response.fields.all("Apus-Reason") == ["tls_handshake_failed"])
        #expect(refusing.requests.isEmpty)
        let alert: UInt8 = shown == nil ? 116 : 48
        for await report in proxy.dataPlane.facts {
            guard case .gaveNoResponse(_, let reason, let fault, _) = report.fact else { continue }
            #expect(reason == .tlsHandshakeFailed && fault == .refused(alert: alert))
            break
        }
    }

    /// The request has not been seen, so that another endpoint may have it, whatever its method is.
    @Test func whatWasRefusedBehindTheHandshakeGoesElsewhere() throws {
        var tls = try showing("site")
        tls.certificates[0].clients = try asking()
        let strict = try tlsProxy(try Origin()) { [tls] in $0.listener = { $0.tls = tls } }
        let origin = try Origin()
        let open = try showing("site")
        let inner = try tlsProxy(origin) { $0.listener = { $0.tls = open } }
        let rules = try trusting(as: "site.test")
        let proxy = try tlsProxy(Place(address: strict.address), Place(address: inner.address)) {
            $0.pool = { pool, _ in pool.tls = rules }
        }
        let client = try proxy.connect()
        for _ in 0..<4 {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
            #expect(try client.readResponse(to: "POST").status == 200)
        }
        #expect(origin.requests.count == 4)
    }
}
