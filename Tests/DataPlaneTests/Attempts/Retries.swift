import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// What is tried again: by status, by time, with its body, within a budget.
@Suite struct Retries {
    static let unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"

    /// Retries that no budget and no pause stands in the way of.
    static func freely(_ rules: inout RetryRules) {
        rules.budgetPercent = 100
        rules.minimumPerSecond = 1000
        rules.backoff = .zero
    }

    @Test func aStatusIsRetriedElsewhereWhenThePoolSaysSo() throws {
        let busy = try Origin(answer: Self.unavailable)
        let fine = try Origin()
        let proxy = try Proxy(busy, fine) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.statuses = [503]
            }
        }
        let client = try proxy.connect()
        for _ in 0..<20 { #expect(try client.get().isGood) }
        // The retry was the other's turn, so that the next request begins here again.
        #expect(busy.requests.count == 20)
        #expect(proxy.count(.retries, endpoint: 0) == 20)
        // A response that came whole leaves its connection good for the next.
        #expect(busy.connections == 1)
        // The response that was not passed on counts where it came from.
        #expect(proxy.count(.failures, endpoint: 0) == 20 && proxy.count(.responses, endpoint: 0) == 20)
    }

    @Test func withoutAnotherEndpointTheStatusIsPassedOnInTheEnd() throws {
        let busy = try Origin(answer: Self.unavailable)
        let proxy = try Proxy(busy) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.statuses = [503]
                pool.retries.attempts = 4
            }
        }
        let response = try proxy.get()
        #expect(response.status == 503 && response.text == "busy" && response.reason == nil)
        #expect(busy.requests.count == 4)
    }

    @Test func whatIsNotIdempotentIsNotRetriedByStatus() throws {
        let busy = try Origin(answer: Self.unavailable)
        let fine = try Origin()
        let proxy = try Proxy(busy, fine) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.statuses = [503]
            }
        }
        let statuses = try (0..<4).map { _ in
            try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", method: "POST").status
        }
        #expect(statuses.filter { $0 == 503 }.count == 2 && busy.requests.count == 2 && fine.requests.count == 2)
    }

    /// The body comes after the head, and all of it is sent again.
    @Test(arguments: [1_000, 60_000]) func aBodyThatWasKeptIsSentAgain(size: Int) throws {
        let busy = try Origin(answer: Self.unavailable)
        let fine = try Origin()
        let proxy = try Proxy(busy, fine) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.statuses = [503]
            }
        }
        let body = String(repeating: "0123456789", count: size / 10)
        let client = try proxy.connect()
        for _ in 0..<4 {
            try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
            for start in stride(from: 0, to: size, by: 10_000) {
                try client.send(String(body.dropFirst(start).prefix(10_000)))
                rest(.milliseconds(2))
            }
            #expect(try client.readResponse(to: "PUT").isGood)
        }
        #expect(fine.requests.count == 4 && busy.requests.count == 4)
        #expect(fine.requests.allSatisfy { $0.text == body })
    }

    @Test func aBodyTooLargeToKeepIsNotSentAgain() throws {
        let busy = try Origin(answer: Self.unavailable)
        let fine = try Origin()
        let proxy = try Proxy(busy, fine) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.statuses = [503]
                pool.retries.bodyBytes = 10_000
            }
        }
        let body = String(repeating: "x", count: 50_000)
        let statuses = try (0..<4).map { _ in
            let client = try proxy.connect()
            try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n")
            rest(.milliseconds(2))
            try client.send(body)
            return try client.readResponse(to: "PUT").status
        }
        #expect(statuses.filter { $0 == 503 }.count == 2, "\(statuses)")
    }

    /// Bodies of any size that may be kept: larger ones than a block, and those that would go past the process unseen.
    @Test(arguments: [300 << 10, 700 << 10, 3 << 20])
    func largeBodiesAreKeptWhereThatIsAskedFor(count: Int) throws {
        let failing = try Origin { connection in
            _ = try connection.readRequest()
            connection.reset()
        }
        let origin = try Origin()
        let proxy = try Proxy(failing, origin) { $0.pool = { pool, _ in pool.retries.bodyBytes = 4 << 20 } }
        let body = String(repeating: "0123456789abcdef", count: count / 16)
        for _ in 0..<2 {
            let client = try proxy.connect()
            try client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n\(body)")
            #expect(try client.readResponse().isGood)
            #expect(origin.requests.last?.text == body)
        }
        #expect(failing.requests.count >= 1)
    }

    @Test func anAttemptThatTakesTooLongIsMadeElsewhere() throws {
        let silent = try Origin.silent()
        let fine = try Origin()
        let proxy = try Proxy(silent, fine) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.perTryTimeout = .milliseconds(700)
            }
        }
        for _ in 0..<4 {
            let clock = ContinuousClock()
            let started = clock.now
            #expect(try proxy.get().isGood)
            #expect(clock.now - started < .seconds(5))
        }
        #expect(proxy.count(.failures, endpoint: 0) == 4)
    }

    @Test func whenEveryAttemptTakesTooLongTheAnswerIsA504() throws {
        let proxy = try Proxy(try Origin.silent(), try Origin.silent(), try Origin.silent()) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.perTryTimeout = .milliseconds(50)
            }
        }
        let client = try proxy.connect()
        expectMade(try client.get(), [.responseHeadTimeout])
        let failures = (0..<3).map { proxy.count(.failures, endpoint: $0) }
        #expect(failures == [1, 1, 1])
        // A request that took its pauses and its time leaves the connection as it was.
        expectMade(try client.get(), [.responseHeadTimeout])
    }

    @Test func theBudgetEndsRetries() throws {
        let busy = try Origin(answer: Self.unavailable)
        let proxy = try Proxy(busy, try Origin(answer: Self.unavailable)) {
            $0.pool = { pool, _ in
                pool.retries.statuses = [503]
                pool.retries.attempts = 2
                pool.retries.backoff = .zero
                pool.retries.budgetPercent = 20
                pool.retries.minimumPerSecond = 3
            }
        }
        let client = try proxy.connect()
        // One request at a time never has five in flight, of which one could be a retry: three a second are left.
        for _ in 0..<50 { #expect(try client.get().status == 503) }
        let retries = proxy.count(.retries, endpoint: 0) + proxy.count(.retries, endpoint: 1)
        #expect((3...9).contains(retries), "\(retries)")
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .retriesDenied)) == 50 - retries)
    }

    @Test func aPauseComesBeforeARetry() throws {
        let busy = try Origin(answer: Self.unavailable)
        let proxy = try Proxy(busy) {
            $0.pool = { pool, _ in
                Self.freely(&pool.retries)
                pool.retries.statuses = [503]
                pool.retries.attempts = 16
                pool.retries.backoff = .milliseconds(20)
                pool.retries.maximumBackoff = .milliseconds(20)
            }
        }
        let clock = ContinuousClock()
        let started = clock.now
        #expect(try proxy.get().status == 503)
        let time = clock.now - started
        #expect(busy.requests.count == 16)
        // Fifteen pauses of 0 to 20 ms: 150 ms together, and below 40 ms hardly ever (one in 10^8).
        #expect(time > .milliseconds(40))
    }
}

/// A second endpoint is asked when the first takes long.
@Suite struct Hedging {
    @Test func theFirstAnswerCounts() throws {
        let gate = Gate()
        let slow = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let fast = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast")
        let proxy = try Proxy(slow, fast) {
            $0.pool = { pool, _ in
                Retries.freely(&pool.retries)
                pool.hedging = HedgingRules(after: .milliseconds(30))
            }
        }
        let client = try proxy.connect()
        for _ in 0..<6 { #expect(try client.get().text == "fast") }
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .hedges)) == 6)
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .hedgesWon)) == 6)
        gate.open()
        try proxy.eventually("nothing to be in flight") {
            (0..<2).allSatisfy {
                proxy.count(.exchangesStarted, endpoint: $0) == proxy.count(.exchangesEnded, endpoint: $0)
            }
        }
    }

    @Test func aClientThatLeavesMakesNobodyWin() throws {
        let proxy = try Proxy(try Origin.silent(), try Origin.silent()) {
            $0.pool = { pool, _ in
                Retries.freely(&pool.retries)
                pool.hedging = HedgingRules(after: .milliseconds(10))
            }
        }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try proxy.eventually("the hedge") { proxy.dataPlane.total(proxy.layout.pool(0, .hedges)) == 1 }
        client.reset()
        try proxy.eventually("nothing to be in flight") {
            (0..<2).allSatisfy { proxy.count(.exchangesEnded, endpoint: $0) == 1 }
        }
        #expect(proxy.dataPlane.total(proxy.layout.pool(0, .hedgesWon)) == 0)
    }

    @Test func aFailureOfTheOneLeavesTheOther() throws {
        let dying = try Origin { connection in
            _ = try connection.readRequest()
            rest(.milliseconds(150))
            connection.reset()
        }
        let slow = try Origin(answering: { _ in
            rest(.milliseconds(300))
            return ok
        })
        let proxy = try Proxy(dying, slow) {
            $0.pool = { pool, _ in
                Retries.freely(&pool.retries)
                pool.retries.attempts = 2
                pool.hedging = HedgingRules(after: .milliseconds(30))
            }
        }
        for _ in 0..<4 { #expect(try proxy.get().isGood) }
    }

    @Test func whatIsNotIdempotentIsNotHedged() throws {
        let slow = try Origin(answering: { _ in
            rest(.milliseconds(100))
            return ok
        })
        let proxy = try Proxy(slow, slow) {
            $0.pool = { pool, _ in
                Retries.freely(&pool.retries)
                pool.hedging = HedgingRules(after: .milliseconds(10))
            }
        }
        let response = try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", method: "POST")
        #expect(response.isGood && slow.requests.count == 1)
    }
}
