import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// Clients come back to the endpoint that they had.
@Suite struct Sessions {
    static let tokens = ["token-of-the-first", "token-of-the-secnd", "token-of-the-third"]

    private static func proxy(
        _ origins: [Origin], _ kind: StickySessions.Kind, workers: Int = 1, weights: [Int] = []
    ) throws -> Proxy {
        try Proxy(pools: [origins]) {
            $0.workers = workers
            $0.weights = weights
            $0.tokens = tokens
            $0.pool = { pool, _ in pool.sticky = StickySessions(kind) }
        }
    }

    private func get(_ client: Connection, cookie: String?) throws -> Response {
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n" + (cookie.map { "Cookie: a=b; \($0)\r\n" } ?? "") + "\r\n")
        return try client.readResponse()
    }

    @Test func aSignedCookieBringsTheClientBack() throws {
        let proxy = try Self.proxy(
            try Balancing.origins(3), .cookie(.init(name: "apus", lifetime: .seconds(60), isSecure: true)))
        let client = try proxy.connect()
        for _ in 0..<6 {
            let first = try get(client, cookie: nil)
            let number = try #require(Int(first.text))
            let set = try #require(first.fields["Set-Cookie"])
            #expect(set == "apus=\(Self.tokens[number]); Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax")
            for _ in 0..<4 {
                let next = try get(client, cookie: "apus=\(Self.tokens[number])")
                #expect(next.text == first.text)
                #expect(next.fields["Set-Cookie"] == nil)
            }
        }
    }

    @Test func aForgedCookieIsIgnoredAndReplaced() throws {
        let proxy = try Self.proxy(try Balancing.origins(3), .cookie(.init()))
        let client = try proxy.connect()
        let answers = try ["apus=token-of-the-forth", "apus=", "apus=x", "apus2=\(Self.tokens[0])"].map {
            try get(client, cookie: $0)
        }
        #expect(answers.allSatisfy { $0.fields["Set-Cookie"] != nil })
        #expect(Set(answers.map(\.text)).count == 3)
    }

    @Test func whenItsEndpointIsGoneTheClientGetsAnother() throws {
        let proxy = try Self.proxy(try Balancing.origins(3), .cookie(.init()))
        proxy.dataPlane.setEndpoint(1, available: false)
        let client = try proxy.connect()
        try proxy.eventually("the endpoint to leave") { try get(client, cookie: "apus=\(Self.tokens[1])").text != "1" }
        let response = try get(client, cookie: "apus=\(Self.tokens[1])")
        let number = try #require(Int(response.text))
        #expect(response.fields["Set-Cookie"]?.hasPrefix("apus=\(Self.tokens[number]);") == true)
    }

    @Test func anEndpointThatDrainsKeepsItsSessionsAndGetsNoNewOnes() throws {
        let proxy = try Self.proxy(try Balancing.origins(3), .cookie(.init()))
        proxy.dataPlane.setWeight(1, 0)
        let client = try proxy.connect()
        try proxy.eventually("new requests to go elsewhere") {
            try (0..<6).allSatisfy { _ in try get(client, cookie: nil).text != "1" }
        }
        for _ in 0..<4 { #expect(try get(client, cookie: "apus=\(Self.tokens[1])").text == "1") }
        proxy.dataPlane.setWeight(1, 1)
        try proxy.eventually("new requests to come again") {
            try (0..<6).contains { _ in try get(client, cookie: nil).text == "1" }
        }
    }

    @Test(arguments: [1, 2]) func theApplicationsCookieIsLearned(workers: Int) throws {
        let origins = try (0..<3).map { number in
            try Origin(answering: { request in
                let isNew = request.fields["Cookie"]?.contains("SID=") != true || request.target == "/login"
                let cookie = isNew ? "Set-Cookie: SID=s\(number)-\(request.target.dropFirst()); Path=/\r\n" : ""
                return "HTTP/1.1 200 OK\r\n\(cookie)Content-Length: 1\r\n\r\n\(number)"
            })
        }
        let proxy = try Self.proxy(
            origins, .learned(name: "SID", lifetime: .seconds(60), capacity: 100), workers: workers)
        for round in 0..<6 {
            let first = try proxy.exchange("GET /\(round) HTTP/1.1\r\nHost: a\r\n\r\n")
            let set = try #require(first.fields["Set-Cookie"])
            let cookie = String(set.prefix { $0 != ";" })
            // The next connection may be another worker's, which is told a moment later.
            rest(.milliseconds(20))
            for _ in 0..<6 { #expect(try get(try proxy.connect(), cookie: cookie).text == first.text) }
        }
        // One that is not known, after a restart say, is learned from the request.
        let unknown = try get(try proxy.connect(), cookie: "SID=from-before")
        rest(.milliseconds(20))
        for _ in 0..<6 {
            #expect(try get(try proxy.connect(), cookie: "SID=from-before").text == unknown.text)
        }
    }
}

/// What of a request decides where it goes.
@Suite struct HashKeys {
    private func proxy(_ key: HashRules.Key, _ count: Int = 5, trusted: [Network] = []) throws -> Proxy {
        try Proxy(pools: [try Balancing.origins(count)]) {
            $0.balance = .hash
            $0.trustedProxies = trusted
            $0.pool = { pool, _ in pool.hash = HashRules(key: key) }
        }
    }

    private func answers(_ proxy: Proxy, _ requests: [String]) throws -> [String] {
        let client = try proxy.connect()
        return try requests.map { request in
            try client.send(request)
            return try client.readResponse().text
        }
    }

    /// Requests with the same key go to the same endpoint, and different keys to several.
    private func expectKeyed(
        _ proxy: Proxy, sourceLocation: SourceLocation = #_sourceLocation, _ request: (Int, Int) -> String
    ) throws {
        var seen: Set<String> = []
        for key in 0..<30 {
            let answers = try answers(proxy, (0..<4).map { request(key, $0) })
            #expect(Set(answers).count == 1, sourceLocation: sourceLocation)
            seen.formUnion(answers)
        }
        #expect(seen.count >= 4, sourceLocation: sourceLocation)
    }

    @Test func aField() throws {
        try expectKeyed(try proxy(.header("X-User"))) { key, number in
            "GET /\(number) HTTP/1.1\r\nHost: a\r\nx-user: u\(key)\r\nX-User: \(number)\r\n\r\n"
        }
    }

    @Test func aCookie() throws {
        try expectKeyed(try proxy(.cookie("sid"))) { key, number in
            "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=\(number); sid=u\(key)\r\n\r\n"
        }
    }

    @Test func aQueryParameter() throws {
        try expectKeyed(try proxy(.query("user"))) { key, number in
            "GET /?a=\(number)&user=u\(key) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
    }

    @Test func thePath() throws {
        try expectKeyed(try proxy(.path)) { key, number in
            "GET /\(key)?a=\(number) HTTP/1.1\r\nHost: a\r\n\r\n"
        }
    }

    @Test func theClientAsATrustedProxyTellsIt() throws {
        let trusted = [Network(address: .loopback(0), prefixLength: 104)]
        try expectKeyed(try proxy(.client(ipv4Prefix: 32, ipv6Prefix: 64), trusted: trusted)) { key, number in
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.\(number), 10.0.\(key).1, 127.0.0.9\r\n\r\n"
        }
        // An IPv6 client has a whole network of addresses.
        try expectKeyed(try proxy(.client(ipv4Prefix: 32, ipv6Prefix: 64), trusted: trusted)) { key, number in
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: [2001:db8:0:\(key)::\(number)]:443\r\n\r\n"
        }
    }

    @Test func nobodyElseTellsTheClient() throws {
        let proxy = try proxy(.client(ipv4Prefix: 32, ipv6Prefix: 64))
        let answers = try answers(
            proxy, (0..<20).map { "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.\($0).1\r\n\r\n" })
        #expect(Set(answers).count == 1)
    }

    @Test func withoutAKeyRequestsTakeTurns() throws {
        let proxy = try proxy(.header("X-User"), 3)
        let answers = try answers(proxy, Array(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 9))
        #expect(Set(answers[0..<3]).count == 3 && Set(answers[3..<6]).count == 3)
    }
}
