import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// Connections to origins that name their client by the PROXY protocol: they carry nobody else's requests.
@Suite(.onOwnThreads) struct NamedConnections {
    /// An origin that takes a header at the start of each connection, and says in its bodies whose the connection is, and
    /// which of all.
    private static func origin(closing closes: Bool = false) throws -> Origin {
        let numbers = Monitor(0)
        return try Origin { connection in
            let number = numbers.with { (count: inout Int) -> Int in
                count += 1
                return count
            }
            let header = try header(connection)
            let name = header.addresses.map { "\($0.client.ip)" } ?? "nobody"
            while try connection.readRequest() != nil {
                let body = "\(number) \(name)"
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n\(body)")
                if closes { return }
            }
        }
    }

    /// Reads a connection's header, and not a byte more.
    private static func header(_ connection: ApusTestKit.Connection) throws -> ProxyHeader {
        var bytes: [UInt8] = []
        while true {
            let next = try connection.read(1)
            guard !next.isEmpty else { throw KitError.peerGone }
            bytes += next
            if let header = try ProxyHeader.parse(bytes.span) { return header }
        }
    }

    private func proxy(
        _ origins: any Addressed..., version: ProxyProtocol = .v2,
        change: @escaping @Sendable (inout Pool) -> Void = { _ in }
    ) throws -> Proxy {
        try Proxy(pools: [origins]) {
            $0.pool = { pool, _ in
                pool.proxyProtocol = version
                change(&pool)
            }
        }
    }

    private func ask(_ client: ApusTestKit.Connection, _ method: String = "GET") throws -> String {
        try client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\(method == "POST" ? "Content-Length: 0\r\n" : "")\r\n")
        let response = try client.readResponse()
        return response.status == 200 ? response.text : "\(response.status) \(response.reason ?? "")"
    }

    @Test(arguments: ProxyProtocol.allCases)
    func theHeaderNamesTheClientAndWhereItCame(version: ProxyProtocol) throws {
        let origin = try Self.origin()
        let proxy = try proxy(origin, version: version)
        let client = try proxy.connect(from: .loopback(9))
        #expect(try ask(client) == "1 127.0.0.9")
        let bytes = try #require(origin.record.received.first)
        let addresses = try #require(try ProxyHeader.parse(bytes.span)?.addresses)
        #expect(addresses.client == client.localAddress && addresses.reached == proxy.address)
        #expect(bytes.first == (version == .v1 ? UInt8(ascii: "P") : 13))
    }

    /// A client that was named itself is named on, and where it was accepted first.
    @Test func namesArePassedOn() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin) {
            $0.listener = { $0.proxyNetworks = [Network("127.0.0.1")!] }
            $0.pool = { pool, _ in pool.proxyProtocol = .v1 }
        }
        let client = try proxy.connect()
        try client.send("PROXY TCP6 2001:db8::7 2001:db8::1 1234 443\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().text == "1 2001:db8::7")
        let line = try #require(origin.record.received.first).split(separator: 13).first ?? []
        #expect(String(decoding: line, as: UTF8.self) == "PROXY TCP6 2001:db8::7 2001:db8::1 1234 443")
        // The proxy's own.
        let check = try proxy.connect()
        try check.send("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try check.readResponse().text == "2 127.0.0.1")
    }

    // MARK: - Nobody else's

    @Test func aConnectionIsKeptForItsClientAlone() throws {
        let origin = try Self.origin()
        let proxy = try proxy(origin)
        let (one, two) = (try proxy.connect(from: .loopback(3)), try proxy.connect(from: .loopback(4)))
        for _ in 0..<3 {
            #expect(try ask(one) == "1 127.0.0.3")
            #expect(try ask(two) == "2 127.0.0.4")
        }
        #expect(proxy.count(.connectionsOpened, endpoint: 0) == 2 && proxy.count(.connectionsReused, endpoint: 0) == 4)
        one.close()
        try proxy.eventually("its end") { proxy.count(.connectionsClosed, endpoint: 0) == 1 }
        // Not even the same client's next, whose port is another.
        #expect(try ask(try proxy.connect(from: .loopback(3))) == "3 127.0.0.3")
        #expect(try ask(two) == "2 127.0.0.4")
    }

    /// Which endpoint is asked is decided as ever; one connection is held, to the one that was asked last.
    @Test func endpointsAreChosenAsEver() throws {
        let (a, b) = (try Self.origin(), try Self.origin())
        let proxy = try proxy(a, b)
        let client = try proxy.connect(from: .loopback(3))
        for _ in 0..<6 { #expect(try ask(client).hasSuffix(" 127.0.0.3")) }
        #expect(a.requests.count == 3 && b.requests.count == 3)
        try proxy.eventually("the ends") {
            (0...1).allSatisfy { proxy.count(.connectionsOpened, endpoint: $0) == 3 }
                && (0...1).reduce(0) { $0 + proxy.count(.connectionsClosed, endpoint: $1) } == 5
        }
    }

    @Test func noneIsHeldWhereNoneIsToBeIdle() throws {
        let origin = try Self.origin()
        let proxy = try proxy(origin) { $0.connections.maxIdle = 0 }
        let client = try proxy.connect(from: .loopback(3))
        for number in 1...3 { #expect(try ask(client) == "\(number) 127.0.0.3") }
        try proxy.eventually("the ends") { proxy.count(.connectionsClosed, endpoint: 0) == 3 }
    }

    /// What is held for somebody who asks nothing is no reason to have somebody else wait.
    @Test func aHeldConnectionMakesRoom() throws {
        let origin = try Self.origin()
        let proxy = try proxy(origin) { $0.connections.max = 1 }
        let (one, two) = (try proxy.connect(from: .loopback(3)), try proxy.connect(from: .loopback(4)))
        #expect(try ask(one) == "1 127.0.0.3")
        #expect(try ask(two) == "2 127.0.0.4")
        #expect(try ask(two) == "2 127.0.0.4")
        #expect(try ask(one) == "3 127.0.0.3")
        try proxy.eventually("the ends") { proxy.count(.connectionsClosed, endpoint: 0) == 2 }
    }

    /// One that somebody waits for is not held.
    @Test func aConnectionThatIsWaitedForIsFree() throws {
        let gate = Monitor(false)
        let origin = try Origin { connection in
            let header = try Self.header(connection)
            while try connection.readRequest() != nil {
                _ = try gate.wait(for: "the gate") { $0 }
                let body = "\(header.addresses.map { "\($0.client.ip)" } ?? "nobody")"
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n\(body)")
            }
        }
        let proxy = try proxy(origin) {
            $0.connections.max = 1
            $0.requests.queue = QueueRules(length: 5, timeout: .seconds(10))
        }
        let (one, two) = (try proxy.connect(from: .loopback(3)), try proxy.connect(from: .loopback(4)))
        try one.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the request") { $0.requests.count == 1 }
        try two.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try proxy.eventually("the queue") { proxy.dataPlane.total(proxy.layout.pool(0, .queued)) == 1 }
        gate.with { $0 = true }
        #expect(try one.readResponse().text == "127.0.0.3")
        #expect(try two.readResponse().text == "127.0.0.4")
    }

    /// An origin that closes: the next request has another connection, one that may not be repeated included.
    @Test(arguments: ["GET", "POST"]) func aConnectionThatEndedIsReplaced(method: String) throws {
        let origin = try Self.origin(closing: true)
        let proxy = try proxy(origin)
        let client = try proxy.connect(from: .loopback(3))
        for number in 1...3 {
            #expect(try ask(client, method) == "\(number) 127.0.0.3")
            try proxy.eventually("its end") { proxy.count(.connectionsClosed, endpoint: 0) == UInt64(number) }
        }
    }

    @Test func anAttemptElsewhereNamesTheClientToo() throws {
        let dead = try RefusingPort()
        let origin = try Self.origin()
        let proxy = try proxy(dead, origin)
        let client = try proxy.connect(from: .loopback(3))
        for _ in 0..<4 { #expect(try ask(client).hasSuffix(" 127.0.0.3")) }
    }

    // MARK: - Reloads

    @Test func connectionsWithoutAHeaderAreNotUsedForAPoolThatHasOne() async throws {
        let plain = try Origin()
        let proxy = try Proxy(plain)
        #expect(try proxy.get().isGood)
        try await proxy.reload { $0.pools[0].pool.proxyProtocol = .v1 }
        let client = try proxy.connect()
        try? client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try? client.readResponse()
        try plain.wait(for: "another connection") {
            $0.received.count > 1 && $0.received.dropFirst().allSatisfy { $0.starts(with: "PROXY ".utf8) }
        }
    }

    @Test func heldConnectionsEndWithTheHeader() async throws {
        let origin = try Self.origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect(from: .loopback(3))
        #expect(try ask(client) == "1 127.0.0.3")
        // A reload that changes something else leaves it.
        try await proxy.reload { $0.pools[0].pool.balance = .random }
        #expect(try ask(client) == "1 127.0.0.3")
        try await proxy.reload { $0.pools[0].pool.proxyProtocol = .v1 }
        #expect(try ask(client) == "2 127.0.0.3")
        try await proxy.reload { $0.pools[0].pool.proxyProtocol = nil }
        try proxy.eventually("its end") { proxy.count(.connectionsClosed, endpoint: 0) == 2 }
    }
}
