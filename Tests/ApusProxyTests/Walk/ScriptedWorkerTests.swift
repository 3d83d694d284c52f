import ApusModel
import ApusTransport
import Testing

@testable import ApusProxy

/// The worker itself, step by step and without a socket: what can hardly be brought about over real ones.
@Suite struct ScriptedWorkerTests {
    @Test func aRequestGoesThroughInMemory() throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        #expect(stage.origins.count == 1)
        #expect(stage.heard(stage.origins[0]).hasPrefix("GET / HTTP/1.1\r\n"))
        stage.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", from: stage.origins[0])
        #expect(stage.heard(client).hasSuffix("hi"))
        // Nobody sleeps: 30 s without an answer pass in no time.
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        #expect(stage.origins.count == 1)
        stage.pass(milliseconds: 30_200)
        #expect(stage.heard(client).contains("response_head_timeout"))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// A reset that a send has told of is not told again: the end that a read finds then is none.
    @Test func aResetThatASendNoticedIsNoProperEnd() throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        stage.say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n", from: client)
        let origin = stage.origins[0]
        stage.say("HTTP/1.1 200 OK\r\n\r\nhalf", from: origin)
        // More of the request has come when the origin breaks off.
        stage.put(String(repeating: "x", count: 100), from: client)
        stage.network.abandon(origin)
        stage.turns()
        let heard = stage.heard(client)
        #expect(heard.contains("half") && !heard.contains("0\r\n\r\n"))
    }

    /// A read that fills the buffer, and is not worth looking at, is not the last: no event tells of what it left.
    @Test func aHeadThatFillsItsBufferIsReadOn() throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        let whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let long = "GET /long HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 5_000) + "\r\n\r\n"
        // The third stands behind the second in the buffer that both are kept in, of 4 KiB.
        stage.say(whole + whole + long.prefix(2_100), from: client)
        for _ in 0..<2 { stage.say("HTTP/1.1 204 No\r\n\r\n", from: stage.origins[0]) }
        stage.say(String(long.dropFirst(2_100)), from: client)
        #expect(stage.heard(stage.origins[0]).contains("GET /long"))
    }

    /// An interim response is the beginning of an answer: the second attempt, which has nothing left to send, is given up.
    @Test func anInterimResponseDecidesBetweenTwoAttempts() throws {
        let stage = try ScriptedStage(endpoints: 2) {
            $0.hedging = HedgingRules(after: .milliseconds(5))
            $0.retries = RetryRules(budgetPercent: 100, minimumPerSecond: 10)
        }
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        stage.network.reception = { _ in .accept(after: 50_000) }
        stage.pass(milliseconds: 10)
        #expect(stage.hand.worker.proxy.connections.count == 3)
        stage.say("HTTP/1.1 103 Early Hints\r\n\r\n", from: stage.origins[0])
        stage.pass(milliseconds: 60)
        #expect(stage.hand.worker.proxy.connections.count == 2)
        stage.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", from: stage.origins[0])
        #expect(stage.heard(client).contains("200 OK"))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// An origin that breaks off in the middle of a request that is kept: the next gets all of it.
    @Test func aRequestThatIsTriedAgainInItsMiddleIsSentWhole() throws {
        let stage = try ScriptedStage(endpoints: 2)
        let client = try stage.connect()
        stage.say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n", from: client)
        stage.say(String(repeating: "1", count: 1_000), from: client)
        // The worker hears of the next bytes before it hears of the reset.
        stage.put(String(repeating: "2", count: 1_000), from: client)
        stage.network.abandon(stage.origins[0])
        stage.pass(milliseconds: 300)
        stage.say(String(repeating: "3", count: 1_000), from: client)
        #expect(stage.origins.count == 2)
        let body = stage.heard(stage.origins[1]).split(separator: "\r\n\r\n").last.map(String.init) ?? ""
        #expect(body == ["1", "2", "3"].map { String(repeating: $0, count: 1_000) }.joined())
        stage.say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", from: stage.origins[1])
        #expect(stage.heard(client).contains("200 OK"))
    }

    /// A request is forwarded whole, and there is no memory for what the client has sent after it: after the answer the
    /// connection ends, since the next request would begin in the middle of what is lost.
    @Test func aLostRestEndsTheConnection() throws {
        let stage = try ScriptedStage(limits: Limits(bufferBytesPerWorker: 2_048))
        let client = try stage.connect()
        stage.say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", from: client)
        // The next request, which takes a block of 4 KiB, comes with the body.
        stage.say("helloGET /next HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 1_500), from: client)
        let answer = stage.heard(client)
        #expect(answer.contains("503") && answer.contains("memory_limit") && answer.contains("Connection: close"))
        #expect(answer.hasSuffix("FIN"))
        // The rest of it looks like a request of its own.
        stage.say("\r\n\r\nGET /other HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        #expect(stage.origins.count == 1 && !stage.heard(stage.origins[0]).contains("GET"))
        stage.network.close(client)
        stage.turns()
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// The second endpoint's socket does not take all of the request, and there is no memory for the rest: the first attempt
    /// goes on as if nobody else had been asked.
    @Test func aHedgeWithoutMemoryLeavesTheFirstAttemptAlone() throws {
        let stage = try ScriptedStage(
            endpoints: 2,
            configure: {
                $0.hedging = HedgingRules(after: .milliseconds(5))
                $0.retries = RetryRules(budgetPercent: 100, minimumPerSecond: 10)
            },
            // What is kept of the request takes 16 KiB.
            limits: Limits(bufferBytesPerWorker: 17 << 10))
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 5_000) + "\r\n\r\n", from: client)
        stage.network.capacities = [2_048]
        stage.pass(milliseconds: 10)
        #expect(stage.origins.count == 2)
        #expect(stage.heard(client) == "")
        #expect(stage.heard(stage.origins[1]).hasSuffix("FIN") && stage.hand.worker.proxy.connections.count == 2)
        stage.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", from: stage.origins[0])
        #expect(stage.heard(client).hasSuffix("hi"))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// A read of a response's body that turns bad in its middle: what came before is sent, and counted.
    @Test(arguments: [0, 1]) func whatIsUnderstoodOfABadBodyIsSentAndCounted(minor: Int) throws {
        let stage = try ScriptedStage()
        stage.network.resetsOvertake = false
        let client = try stage.connect()
        stage.say("GET / HTTP/1.\(minor)\r\nHost: a\r\n\r\n", from: client)
        stage.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", from: stage.origins[0])
        let head = stage.heard(client)
        #expect(head.hasPrefix("HTTP/1.1 200"))
        stage.say("5\r\nhello\r\nzz\r\n", from: stage.origins[0])
        let rest = stage.heard(client)
        #expect(rest == (minor == 0 ? "helloRST" : "5\r\nhello\r\nFIN"))
        let count = head.utf8.count + rest.utf8.count - 3
        #expect(stage.bytesSent == count)
        let line = stage.logged().joined()
        #expect(line.contains("\"bytes_sent\":\(count),") && line.contains("\"body_bytes_sent\":5,"))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// Apus answers by itself while interim responses wait for a client that does not read: the answer stands after them.
    @Test func anAnswerStandsAfterWhatWaits() throws {
        let stage = try ScriptedStage()
        stage.network.capacities = [2_048]
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        for _ in 0..<60 { stage.say(hint, from: stage.origins[0]) }
        // The socket is full, and the origin says nothing more.
        stage.pass(milliseconds: 30_200)
        var heard = ""
        for _ in 0..<4 {
            heard += stage.heard(client)
            stage.turns()
        }
        var answer = heard[...]
        while answer.hasPrefix(hint) { answer = answer.dropFirst(hint.count) }
        #expect(heard.utf8.count - answer.utf8.count > 2_048)
        #expect(answer.hasPrefix("HTTP/1.1 504 ") && answer.hasSuffix("504 Gateway Timeout: response_head_timeout\n"))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }
}
