import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTLS
import ApusTestKit
import Testing

/// The PROXY protocol and TLS: the header stands before the handshake, in the clear.
@Suite(.serialized) struct ProxyHeadersBeforeTLS {
    private func header(_ version: ProxyProtocol) -> [UInt8] {
        ProxyHeader.bytes(
            version, client: SocketAddress("192.0.2.7:1234")!, reached: SocketAddress("198.51.100.1:443")!)
    }

    private func proxy(
        _ origin: any Addressed, from network: String = "127.0.0.0/8",
        configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> Proxy {
        let tls = try showing("site")
        return try tlsProxy(origin) {
            $0.listener = {
                $0.tls = tls
                $0.proxyNetworks = [Network(network)!]
            }
            configure(&$0)
        }
    }

    @Test func curlNamesItsClient() throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        #expect(try curl(proxy, "/", "--haproxy-protocol --interface 127.0.0.5").hasSuffix(" 200"))
        let fields = try #require(origin.requests.first).fields
        #expect(fields.all("X-Forwarded-For") == ["127.0.0.5"] && fields.all("X-Forwarded-Proto") == ["https"])
        // Without one it is not served.
        #expect(try curl(proxy).hasSuffix(" 000"))
        try proxy.eventually("the counts") {
            proxy.count(.proxyHeaders) == 1 && proxy.count(.handshakes) == 1 && proxy.count(.proxyHeadersRefused) == 1
        }
    }

    /// The header and the client's first flight in one piece, cut anywhere, and byte by byte.
    @Test(arguments: ProxyProtocol.allCases, [0, 1, 5, 15, 17, 27, 28, 29, 40, 60, 200])
    func theFirstFlightComesAlong(version: ProxyProtocol, cut: Int) throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect()
        let conversation = try TLSConversation(try trusting(), to: "site.test", at: proxy.address)
        let first = header(version) + conversation.takeSealed()
        if cut == 0 {
            try client.send(first)
        } else if cut == 1 {
            for byte in first { try client.send([byte]) }
        } else {
            try client.send(Array(first.prefix(cut)))
            rest(.milliseconds(20))
            try client.send(Array(first.dropFirst(cut)))
        }
        var answer: [UInt8] = []
        while conversation.state == .shaking, try client.receiveMore() {
            conversation.take(try client.read(client.unread.count))
            try client.send(conversation.takeSealed())
        }
        conversation.say(Array("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8))
        try client.send(conversation.takeSealed())
        while try client.receiveMore() { answer += conversation.take(try client.read(client.unread.count)) }
        #expect(String(decoding: answer, as: UTF8.self).hasPrefix("HTTP/1.1 200 "))
        #expect(try #require(origin.requests.first).fields.all("X-Forwarded-For") == ["192.0.2.7"])
    }

    /// Origins are told how a client spoke TLS.
    @Test func originsAreToldOfTheClientsTLS() throws {
        let origin = try Origin { connection in
            var bytes: [UInt8] = []
            var header: ProxyHeader?
            while header == nil {
                bytes += try connection.read(1)
                header = try ProxyHeader.parse(bytes.span)
            }
            while try connection.readRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
        }
        var tls = try showing("site")
        tls.certificates[0].clients = try asking(.optional)
        let proxy = try tlsProxy(origin) { [tls] in
            $0.listener = { $0.tls = tls }
            $0.pool = { pool, _ in pool.proxyProtocol = .v2 }
        }
        let own = "--cert \(TestCertificates.path("client.pem")) --key \(TestCertificates.path("client.key"))"
        for (options, words) in [
            ("--tls-max 1.2", ["site.test", "TLSv1.2", "ECDHE-ECDSA-"]),
            (own, ["site.test", "TLSv1.3", "TLS_", "client"]),
        ] {
            #expect(try curl(proxy, "/", options).hasSuffix(" 200"))
            let told = String(decoding: try #require(origin.record.received.last), as: UTF8.self)
            for word in words { #expect(told.split(separator: "GET /")[0].contains(word), "\(word) in \(told)") }
            #expect(told.contains("\u{22}\0\u{6}client") == (options == own))
        }
    }

    /// One deadline for the header and the handshake.
    @Test func theHandshakeGetsNoTimeOfItsOwn() throws {
        let proxy = try proxy(try Origin()) { $0.timeouts.handshake = .milliseconds(300) }
        let client = try proxy.connect()
        try client.send(header(.v2) + [22, 3, 1])
        _ = try? client.readToEnd()
        try proxy.eventually("the count") { proxy.count(.handshakeTimeouts) == 1 && proxy.count(.proxyHeaders) == 1 }
    }

    @Test(arguments: ProxyProtocol.allCases)
    func aHeaderThatNobodyExpectsIsCalledThat(version: ProxyProtocol) async throws {
        let proxy = try proxy(try Origin(), from: "192.0.2.0/24")
        let client = try proxy.connect()
        let conversation = try TLSConversation(try trusting(), to: "site.test", at: proxy.address)
        try client.send(header(version) + conversation.takeSealed())
        _ = try? client.readToEnd()
        for await report in proxy.dataPlane.facts {
            guard case .refused(let refusal) = report.fact else { continue }
            #expect(refusal.event == .handshakeFailed(.proxyHeader, FailedClient(address: "127.0.0.1"), count: 1))
            break
        }
    }

    /// To an origin with TLS, and through two of Apus one behind the other.
    @Test(arguments: ProxyProtocol.allCases) func originsGetItBeforeTheHandshake(version: ProxyProtocol) throws {
        let origin = try Origin()
        let inner = try proxy(origin)
        let believing = try trusting()
        let outer = try proxy(Place(address: inner.address)) {
            $0.pool = { pool, _ in
                pool.tls = believing
                pool.proxyProtocol = version
            }
        }
        let fetch = "--haproxy-protocol --interface 127.0.0.5"
        let address = "https://site.test:\(outer.address.port)/"
        #expect(try curl(outer, "/", "\(fetch) \(address) \(address)").hasSuffix(" 200"))
        #expect(origin.requests.count == 3)
        #expect(Set(origin.requests.map { $0.fields.all("X-Forwarded-For") }) == [["127.0.0.5"]])
        // One client, one connection.
        #expect(outer.count(.connectionsOpened, endpoint: 0) == 1 && inner.count(.proxyHeaders) == 1)
    }
}
