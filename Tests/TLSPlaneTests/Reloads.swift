import ApusHTTP
import ApusModel
import ApusProxy
import ApusTLS
import ApusTestKit
import Testing

/// Certificates and rules of TLS that change while Apus runs.
@Suite(.serialized) struct Reloads {
    private let keys = TicketKeys()
    private var shields: Proxy.Shields { Proxy.Shields { [keys] in try TLSShields(for: $0, tickets: keys) } }

    @Test(.onOwnThreads) func newClientsSeeTheNewCertificate() async throws {
        let (old, new) = (try showing("site"), try showing("site-rsa"))
        let proxy = try tlsProxy(try Origin(), tickets: keys) { $0.listener = { $0.tls = old } }
        #expect(try openssl(proxy, "-servername site.test").contains("Peer signature type: ECDSA"))
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls = new }
        #expect(try openssl(proxy, "-servername site.test").contains("Peer signature type: RSA-PSS"))
    }

    /// Who is connected goes on by what was agreed on.
    @Test(.onOwnThreads) func newClientsSpeakByTheNewCiphers() async throws {
        func speaking(_ cipher: TLSCipher) throws -> ListenerTLS {
            var tls = try showing("site")
            tls.ciphers = [cipher]
            return tls
        }
        let (old, new) = (try speaking(.ecdsaAES128GCM), try speaking(.ecdsaChaCha20))
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                let body = "at \(request.target)"
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
        }
        let proxy = try tlsProxy(origin, tickets: keys) { $0.listener = { $0.tls = old } }
        let connected = try SlowClient(proxy, "-tls1_2")
        try connected.say("GET /once HTTP/1.1\r\nHost: site.test\r\n\r\n")
        try connected.wait(for: "at /once")
        func agreed() throws -> String { try openssl(proxy, "-servername site.test -tls1_2") }
        #expect(try agreed().contains("ECDHE-ECDSA-AES128-GCM-SHA256"))
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls = new }
        #expect(try agreed().contains("ECDHE-ECDSA-CHACHA20-POLY1305"))
        #expect(try !openssl(proxy, "-servername site.test -tls1_2 -cipher AESGCM").contains("Cipher is ECDHE"))
        try connected.say("GET /again HTTP/1.1\r\nHost: site.test\r\n\r\n")
        try connected.wait(for: "at /again")
    }

    /// The client of before goes on as it came.
    @Test(.onOwnThreads) func aListenerComesToSpeakTLS() async throws {
        let proxy = try Proxy(try Origin())
        let client = try proxy.connect()
        #expect(try client.get().status == 200)
        let tls = try showing("site")
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls = tls }
        #expect(try client.get().status == 200)
        #expect(try curl(proxy).hasSuffix(" 200"))
        #expect(try proxy.get().status == 400)
        try await proxy.reload(shields: shields) { $0.listeners[0].listener.tls = nil }
        #expect(try proxy.get().status == 200)
    }

    /// Connections that were made by other rules are used no more, whether idle or busy at the time.
    @Test(.onOwnThreads, arguments: [false, true], [false, true])
    func aPoolIsSpokenToByTheNewRules(isBusy: Bool, besidesAnother: Bool) async throws {
        let gate = Gate()
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                if request.target == "/wait" { try gate.pass() }
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            }
        }
        let tls = try showing("site")
        let inner = try tlsProxy(origin) { $0.listener = { $0.tls = tls } }
        let (known, stranger) = (try trusting("ca"), try trusting("stranger"))
        let proxy = try tlsProxy(Place(address: inner.address)) { $0.pool = { pool, _ in pool.tls = known } }
        let client = try proxy.connect()
        if isBusy {
            try client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            try origin.wait(for: "the request") { $0.heads.count == 1 }
        } else {
            #expect(try client.get().status == 200)
        }
        try await proxy.reload(shields: shields) {
            $0.pools[0].pool.tls = stranger
            if besidesAnother { $0.pools.append(.init("another", [inner.address])) }
        }
        if isBusy {
            // Another one that has nothing to do with it forgets nothing.
            try await proxy.reload(shields: shields) { $0.pools[0].pool.connections.maxIdle = 7 }
            gate.open()
            #expect(try client.readResponse().status == 200)
        }
        let response = try client.get()
        #expect(response.status == 502 && response.fields.all("Apus-Reason") == ["tls_unknown_issuer"])
        try await proxy.reload(shields: shields) { $0.pools[0].pool.tls = known }
        #expect(try client.get().status == 200)
    }
}
