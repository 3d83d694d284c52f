import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// Endpoints that cannot be connected to: nothing was sent, so any request may move on to another.
@Suite struct ConnectFailover {
    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ])
    func aRefusedConnectionMovesOn(request: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(try RefusingPort(), origin)
        let client = try proxy.connect()
        for _ in 0..<6 {
            try client.send(request)
            #expect(try client.readResponse().isGood)
        }
        #expect(origin.requests.count == 6)
        #expect(origin.requests.allSatisfy { request.hasPrefix("GET") || $0.text == "abc" })
        try proxy.eventually("the counters") {
            proxy.count(.connectFailures, endpoint: 0) >= 1 && proxy.count(.exchangesEnded, endpoint: 1) == 6
        }
    }

    @Test func aConnectionThatIsNotAnsweredMovesOn() throws {
        let origin = try Origin()
        let proxy = try Proxy(try BlackHole(), origin) { $0.timeouts.connect = .milliseconds(100) }
        for _ in 0..<4 { #expect(try proxy.get().isGood) }
        #expect(try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").isGood)
        #expect(origin.requests.count == 5)
    }

    /// A body that is still to come when the first endpoint refuses goes to the second, whole.
    @Test func aBodyInTheMakingMovesOnToo() throws {
        let origin = try Origin()
        let proxy = try Proxy(try BlackHole(), origin) { $0.timeouts.connect = .milliseconds(150) }
        for _ in 0..<2 {
            let client = try proxy.connect()
            let body = String(repeating: "0123456789", count: 20_000)
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(try client.readResponse().isGood)
            #expect(origin.requests.last?.text == body)
        }
    }

    @Test(arguments: [1, 2, 3, 5])
    func withAllRefusedTheAnswerIsA502(count: Int) throws {
        let proxy = try Proxy(pools: [try (0..<count).map { _ in try RefusingPort() }])
        let client = try proxy.connect()
        for round in 1...2 {
            let response = try client.get()
            expectMade(response, [.connectFailed])
            #expect(!response.announcesClose)
            try proxy.eventually("the counters") {
                // No endpoint is tried twice for one request, and three are tried at most.
                let failures = (0..<count).map { proxy.count(.connectFailures, endpoint: $0) }
                return failures.reduce(0, +) == UInt64(round * min(count, 3)) && failures.allSatisfy { $0 <= round }
            }
        }
    }

    @Test func theNumberOfAttemptsIsConfigured() throws {
        let origin = try Origin()
        let proxy = try Proxy(try RefusingPort(), try RefusingPort(), try RefusingPort(), origin) {
            $0.pool = { pool, _ in pool.retries.attempts = 4 }
        }
        for _ in 0..<8 { #expect(try proxy.get().isGood) }
        let other = try Proxy(try RefusingPort(), origin) { $0.pool = { pool, _ in pool.retries.attempts = 1 } }
        let statuses = try (0..<4).map { _ in try other.get().status }
        #expect(statuses.filter { $0 == 502 }.count == 2 && statuses.filter { $0 == 200 }.count == 2)
    }

    @Test func withNoAnswerTheAnswerIsA504() throws {
        let proxy = try Proxy(try BlackHole()) { $0.timeouts.connect = .milliseconds(100) }
        let client = try proxy.connect()
        for _ in 0..<2 {
            let response = try client.get()
            expectMade(response, [.connectTimeout])
            #expect(!response.announcesClose)
        }
    }

    @Test func theControlPlaneIsTold() async throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        origin.kill()
        expectMade(try proxy.get(), [.connectFailed])
        try origin.reopen()
        #expect(try proxy.get().isGood)
        var facts = proxy.dataPlane.facts.makeAsyncIterator()
        #expect(await facts.next()?.fact == .connectFailed(endpoint: 0, .refused))
        #expect(await facts.next()?.fact == .connectSucceeded(endpoint: 0))
    }
}
