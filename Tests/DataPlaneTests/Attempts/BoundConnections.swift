import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// Connections that are somebody: what a client has authenticated with NTLM or Negotiate serves that client, and nobody
/// else, until one of the two ends.
@Suite(.onOwnThreads) struct BoundConnections {
    /// An origin that authenticates connections: whoever has said a name on one is taken for that from then on. Says in
    /// its body which of its connections it was, and for whom.
    private static func origin(
        _ challenge: String = "WWW-Authenticate: NTLM", status: Int = 401,
        answering answer: @escaping @Sendable (Request) throws -> String? = { _ in nil }
    ) throws -> Origin {
        let numbers = Monitor(0)
        return try Origin { connection in
            let number = numbers.with { (count: inout Int) -> Int in
                count += 1
                return count
            }
            var user = "nobody"
            while let request = try connection.readRequest() {
                if let answer = try answer(request) {
                    try connection.send(answer)
                    continue
                }
                let given = request.fields["Authorization"]?.split(separator: " ")
                if let given, given.count == 2 { user = String(given[1]) }
                let body = "\(number) \(user)"
                try connection.send(
                    user == "nobody"
                        ? "HTTP/1.1 \(status) Who\r\n\(challenge)\r\nContent-Length: \(body.count)\r\n\r\n\(body)"
                        : "HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n\(body)")
            }
        }
    }

    private func ask(_ client: Connection, as user: String? = nil, _ scheme: String = "NTLM") throws -> String {
        let line = user.map { "Authorization: \(scheme) \($0)\r\n" } ?? ""
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n")
        return try client.readResponse().text
    }

    /// Asks once, is challenged, and asks again as Alice.
    private func authenticate(_ client: Connection) throws -> String {
        #expect(try ask(client).hasSuffix(" nobody"))
        return try ask(client, as: "alice")
    }

    @Test(arguments: [
        "WWW-Authenticate: NTLM", "WWW-Authenticate: Negotiate", "www-authenticate: negotiate abcd==",
        "WWW-Authenticate: Basic realm=\"a, b\", NTLM", "WWW-Authenticate: Basic realm=x\r\nWWW-Authenticate: NTLM",
        "WWW-Authenticate: ,  ntlm ", "WWW-Authenticate: Digest realm=\"\\\"\", Negotiate, Basic realm=x",
    ])
    func aChallengedConnectionIsItsClientsOwn(challenge: String) throws {
        let origin = try Self.origin(challenge)
        let proxy = try Proxy(origin)
        let (alice, bob) = (try proxy.connect(), try proxy.connect())
        #expect(try ask(alice) == "1 nobody")
        #expect(try ask(alice, as: "alice") == "1 alice")
        #expect(try ask(bob) == "2 nobody")
        #expect(try ask(alice) == "1 alice")
        #expect(try ask(bob, as: "bob") == "2 bob")
        for _ in 0..<3 {
            #expect(try ask(alice) == "1 alice")
            #expect(try ask(bob) == "2 bob")
        }
        // A third finds neither.
        #expect(try ask(try proxy.connect()) == "3 nobody")
    }

    /// What other schemes authenticate is the request, and the connection is anybody's.
    @Test(arguments: [
        "WWW-Authenticate: Basic realm=\"x, NTLM\"", "WWW-Authenticate: Basic realm=NTLM", "WWW-Authenticate: NTLMx",
        "WWW-Authenticate: Bearer", "WWW-Authenticate: ", "X-Authenticate: NTLM",
    ])
    func otherConnectionsAreAnybodys(challenge: String) throws {
        let origin = try Self.origin(challenge)
        let proxy = try Proxy(origin)
        #expect(try ask(try proxy.connect()) == "1 nobody")
        #expect(try ask(try proxy.connect()) == "1 nobody")
    }

    @Test func aProxysChallengeCountsToo() throws {
        let origin = try Self.origin("Proxy-Authenticate: Negotiate", status: 407)
        let proxy = try Proxy(origin)
        let alice = try proxy.connect()
        #expect(try ask(alice) == "1 nobody")
        #expect(try ask(try proxy.connect()) == "2 nobody")
        #expect(try ask(alice) == "1 nobody")
    }

    /// Kerberos needs no challenge: a client that knows the origin begins with its ticket. Nobody else gets the connection,
    /// and without a challenge it is not held: a header alone would tie up connections of any origin.
    @Test(arguments: ["Negotiate", "NTLM", "negotiate"])
    func aConnectionThatBeganWithCredentialsServesNobodyElse(scheme: String) throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin)
        let alice = try proxy.connect()
        #expect(try ask(alice, as: "alice", scheme) == "1 alice")
        try origin.wait(for: "the end of its connection") { $0.ended == 1 }
        #expect(try ask(try proxy.connect()) == "2 nobody")
        #expect(try ask(alice) == "3 nobody")
    }

    @Test func itEndsWithItsClient() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin)
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        alice.close()
        try origin.wait(for: "the end of her connection") { $0.ended == 1 }
        #expect(try ask(try proxy.connect()) == "2 nobody")
    }

    @Test func itsClientMayAuthenticateAgainWhenItHasEnded() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin)
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        origin.closeConnections()
        try origin.wait(for: "its end") { $0.ended == 1 }
        #expect(try ask(alice) == "2 nobody")
        #expect(try ask(alice, as: "alice") == "2 alice")
        #expect(try ask(alice) == "2 alice")
    }

    @Test func itEndsWhenItIsIdleForTooLong() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin) { $0.connections.idleTimeout = .milliseconds(150) }
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        try origin.wait(for: "its end") { $0.ended == 1 }
        #expect(try ask(alice) == "2 nobody")
    }

    /// On another connection the request would come from nobody, or break the handshake: it is not repeated.
    @Test func aRequestOnItIsNotSentElsewhere() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 401 Who\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n")
            _ = try connection.readRequest()
            connection.close()
        }
        let proxy = try Proxy(origin, try Self.origin())
        let alice = try proxy.connect()
        #expect(try alice.get().status == 401)
        expectMade(try alice.get("/once"), [.upstreamClosed, .upstreamReset])
        #expect(origin.record.heads.filter { $0.target == "/once" }.count == 1)
        #expect(proxy.count(.retries) + proxy.count(.retries, endpoint: 1) == 0)
    }

    /// Before it is anybody's, a request that could not be sent goes where it can be.
    @Test func credentialsGoToAnotherEndpointWhenOneIsDown() throws {
        let gone = try Origin()
        gone.close()
        let proxy = try Proxy(gone, try Self.origin())
        for _ in 0..<3 { #expect(try ask(try proxy.connect(), as: "alice").hasSuffix(" alice")) }
    }

    @Test func aRequestOnItIsNotHedged() throws {
        let slow = try Self.origin(answering: { request in
            if request.target == "/slow" { try? Gate().pass(by: .after(.milliseconds(120))) }
            return nil
        })
        let other = try Origin()
        let proxy = try Proxy(slow, other) {
            $0.weights = [1, 0]
            $0.pool = { pool, _ in pool.hedging = HedgingRules(after: .milliseconds(20)) }
        }
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        #expect(try alice.get("/slow").text == "1 alice")
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .hedges)) == 0)
    }

    /// Its client's requests to another pool go there, and it waits.
    @Test func requestsToAnotherPoolPassItBy() throws {
        let origin = try Self.origin()
        let other = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
        let proxy = try Proxy(pools: [[origin], [other]]) {
            $0.routes = [
                Route(name: "other", path: .prefix(bytes("/other")), pool: 1), Route(name: "*", pool: 0),
            ]
        }
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        #expect(try alice.get("/other").text == "other")
        #expect(try ask(alice) == "1 alice")
        #expect(origin.connections == 1)
    }

    /// Chance would send every second request to the other pool, and tear the handshake apart.
    @Test func aSplitDoesNotMoveIt() throws {
        let (one, two) = (try Self.origin(), try Self.origin())
        let proxy = try Proxy(pools: [[one], [two]]) {
            let split = Split([WeightedPool(pool: 0, weight: 1), WeightedPool(pool: 1, weight: 1)])
            $0.routes = [Route(name: "*", action: .forward(split))]
        }
        let alice = try proxy.connect()
        #expect(try ask(alice) == "1 nobody")
        #expect(try ask(alice, as: "alice") == "1 alice")
        for _ in 0..<12 { #expect(try ask(alice) == "1 alice") }
        #expect(one.connections + two.connections == 1)
    }

    /// Round robin would send every second request elsewhere.
    @Test func theBalancerDoesNotMoveIt() throws {
        let (one, two) = (try Self.origin(), try Self.origin())
        let proxy = try Proxy(one, two)
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        for _ in 0..<5 { #expect(try ask(alice) == "1 alice") }
        #expect(one.connections + two.connections == 1)
    }

    @Test func aReloadLeavesItAlone() async throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin)
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        try await proxy.reload { $0.timeouts.body = .seconds(41) }
        try await proxy.reload { $0.pools[0].pool.retries.attempts = 5 }
        #expect(try ask(alice) == "1 alice")
        #expect(try ask(try proxy.connect()) == "2 nobody")
    }

    @Test func itEndsWhenItsEndpointIsRemoved() async throws {
        let (old, new) = (try Self.origin(), try Self.origin())
        let proxy = try Proxy(old)
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        try await proxy.reload { draft in
            draft.pools[0].endpoints = Proxy.Draft.PoolDraft("", [new.address]).endpoints
        }
        try old.wait(for: "its end") { $0.ended == 1 }
        #expect(try ask(alice) == "1 nobody")
        #expect(new.connections == 1)
        // Nothing is left of it for the reloads that follow.
        for round in 0..<3 { try await proxy.reload { $0.timeouts.body = .seconds(50 + round) } }
        #expect(try ask(alice, as: "alice") == "1 alice")
    }

    @Test func aDrainEndsItWithItsClient() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin)
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        proxy.dataPlane.drain()
        #expect(try alice.readEnding() == .closed)
        proxy.dataPlane.waitUntilEnded()
        try origin.wait(for: "its end") { $0.ended == 1 }
    }

    /// It counts among the endpoint's connections for as long as it is open, and then no more.
    @Test func itTakesAPlaceUntilItEnds() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin) { $0.connections = UpstreamConnectionLimits(max: 1) }
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        expectMade(try proxy.get(), [.poolSaturated])
        #expect(try ask(alice) == "1 alice")
        alice.close()
        try origin.wait(for: "its end") { $0.ended == 1 }
        try proxy.eventually("a place") { try ask(try proxy.connect()) == "2 nobody" }
    }

    /// The other pool's fallback is that pool's own affair.
    @Test func anotherPoolsFallbackIsUsed() throws {
        let origin = try Self.origin()
        let spare = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nspare")
        let proxy = try Proxy(pools: [[origin], [try RefusingPort()], [spare]]) {
            $0.pool = { pool, index in if index == 1 { pool.fallback = .pool(2) } }
            $0.routes = [
                Route(name: "other", path: .prefix(bytes("/other")), pool: 1), Route(name: "*", pool: 0),
            ]
        }
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        #expect(try alice.get("/other").text == "spare")
        #expect(try ask(alice) == "1 alice")
    }

    /// What waits for the place gets it.
    @Test func whatIsQueuedGetsItsPlace() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin) {
            $0.connections = UpstreamConnectionLimits(max: 1)
            $0.pool = { pool, _ in pool.requests.queue = QueueRules(timeout: .seconds(30)) }
        }
        let alice = try proxy.connect()
        #expect(try authenticate(alice) == "1 alice")
        let bob = try proxy.connect()
        try bob.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try proxy.eventually("Bob's place in the queue") {
            proxy.dataPlane.total(proxy.layout.pool(0, .queued)) == 1
        }
        alice.close()
        #expect(try bob.readResponse().text == "2 nobody")
    }

    /// Many clients that come and go, some in the middle of a request.
    @Test func nothingIsLeftOfManyClients() throws {
        let origin = try Self.origin()
        let proxy = try Proxy(origin)
        for round in 0..<60 {
            let client = try proxy.connect()
            let user = "user\(round)"
            if round % 3 == 0 { _ = try ask(client) }
            #expect(try ask(client, as: user).hasSuffix(" \(user)"))
            if round % 2 == 0 { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
            if round % 4 == 1 { client.reset() } else { client.close() }
        }
        #expect(try ask(try proxy.connect()).hasSuffix(" nobody"))
        try origin.wait(for: "their connections to end") { $0.ended >= 60 }
        #expect(origin.record.failures.isEmpty)
    }
}
