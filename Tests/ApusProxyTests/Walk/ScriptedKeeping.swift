import ApusModel
import Testing

@testable import ApusProxy

/// Connections that are kept: for which requests, for how long, and for how many. Time passes at the test's word.
@Suite struct ScriptedKeeping {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"

    /// Sends a request, and gives the answer of whichever origin it came to.
    private func ask(_ method: String, _ stage: ScriptedStage, _ client: End, fields: String = "") throws -> Int {
        let body = method == "GET" ? "\r\n" : "Content-Length: 3\r\n\r\nabc"
        stage.say("\(method) / HTTP/1.1\r\nHost: a\r\n\(body)", from: client)
        let at = try #require(stage.origins.lastIndex { stage.heard($0).hasPrefix(method) })
        stage.say(Self.answer + fields + "\r\nhi", from: stage.origins[at])
        #expect(stage.heard(client).hasSuffix("hi"))
        return at
    }

    @Test func whatMayNotBeRepeatedGoesOverAConnectionThatIsMostLikelyAlive() throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        #expect(try ask("GET", stage, client) == 0)
        #expect(try ask("POST", stage, client) == 0, "it was used a moment ago")
        stage.pass(milliseconds: 1_100)
        #expect(try ask("PUT", stage, client) == 0, "it can be sent again")
        stage.pass(milliseconds: 1_100)
        #expect(try ask("POST", stage, client) == 1)
        #expect(try ask("POST", stage, client) == 1)
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    @Test func whereThereMayBeNoOtherTheOldOneIsUsed() throws {
        let stage = try ScriptedStage { $0.connections.max = 1 }
        let client = try stage.connect()
        #expect(try ask("GET", stage, client) == 0)
        stage.pass(milliseconds: 1_100)
        #expect(try ask("POST", stage, client) == 0)
    }

    @Test func aPoolThatRepeatsAllMethodsTrustsAnyConnection() throws {
        let stage = try ScriptedStage { $0.retries.repeatsAll = true }
        let client = try stage.connect()
        stage.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", from: client)
        stage.network.abandon(stage.origins[0])
        stage.pass(milliseconds: 300)
        try #require(stage.origins.count == 2)
        #expect(stage.heard(stage.origins[1]).hasSuffix("abc"))
        stage.say(Self.answer + "\r\nhi", from: stage.origins[1])
        #expect(stage.heard(client).hasSuffix("hi"))
        stage.pass(milliseconds: 1_100)
        #expect(try ask("POST", stage, client) == 1, "it can be sent again")
    }

    /// An origin's word about its connection is believed: Apus closes first.
    @Test(
        arguments: [
            ("timeout=5", 3_900, 4_200), ("timeout=1, max=100", 450, 650), ("Timeout=\"2\"", 950, 1_200),
        ] as [(String, Int64, Int64)])
    func theOriginsTimeIsBelieved(value: String, kept: Int64, closed: Int64) throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        _ = try ask("GET", stage, client, fields: "Keep-Alive: \(value)\r\n")
        stage.pass(milliseconds: kept)
        #expect(stage.hand.worker.proxy.connections.count == 2)
        stage.pass(milliseconds: closed - kept)
        #expect(stage.hand.worker.proxy.connections.count == 1)
    }

    @Test(arguments: ["timeout=0", "timeout=0, max=0"])
    func whatIsNotKeptIsNotKept(value: String) throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        _ = try ask("GET", stage, client, fields: "Keep-Alive: \(value)\r\n")
        #expect(stage.hand.worker.proxy.connections.count == 1)
    }

    /// Also with a response that is not passed on, since another endpoint is asked instead.
    @Test(arguments: [("timeout=0", 0), ("timeout=1", 1), ("max=5", 1)] as [(String, Int)])
    func theTimeOfAResponseThatIsNotPassedOnIsBelieved(value: String, kept: Int) throws {
        let stage = try ScriptedStage(endpoints: 2) { $0.retries = RetryRules(statuses: [503], backoff: .zero) }
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        stage.say(
            "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nKeep-Alive: \(value)\r\n\r\n", from: stage.origins[0])
        try #require(stage.origins.count == 2)
        stage.say(Self.answer + "\r\nhi", from: stage.origins[1])
        #expect(stage.heard(client).hasSuffix("hi"))
        // One more is the client's, and one the other endpoint's.
        #expect(stage.hand.worker.proxy.connections.count == 2 + kept)
        stage.pass(milliseconds: 700)
        #expect(stage.hand.worker.proxy.connections.count == (value == "max=5" ? 3 : 2))
    }

    @Test(arguments: ["timeout=x", "timeout", "max=5", "timeout=-1", ",", "timeout=99999999999999999999"])
    func whatCannotBeReadSaysNothing(value: String) throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        _ = try ask("GET", stage, client, fields: "Keep-Alive: \(value)\r\n")
        stage.pass(milliseconds: 30_000)
        #expect(stage.hand.worker.proxy.connections.count == 2)
    }

    @Test func anOriginsConnectionCarriesSoManyAndNoMore() throws {
        let stage = try ScriptedStage { $0.connections.maxRequests = 2 }
        let client = try stage.connect()
        #expect(try (0..<5).map { _ in try ask("GET", stage, client) } == [0, 0, 1, 1, 2])
    }

    @Test func anOriginsConnectionBecomesSoOldAndNoOlder() throws {
        let stage = try ScriptedStage { $0.connections.maxAge = .seconds(10) }
        let client = try stage.connect()
        for _ in 0..<8 {
            #expect(try ask("GET", stage, client) == 0)
            stage.pass(milliseconds: 1_000)
        }
        stage.pass(milliseconds: 3_000)
        #expect(stage.hand.worker.proxy.connections.count == 1)
        #expect(try ask("GET", stage, client) == 1)
    }

    @Test func aClientsConnectionBecomesSoOldAndNoOlder() throws {
        let stage = try ScriptedStage(limits: Limits(connectionAge: .seconds(5)))
        let client = try stage.connect()
        _ = try ask("GET", stage, client)
        stage.pass(milliseconds: 6_000)
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        stage.say(Self.answer + "\r\nhi", from: stage.origins[0])
        let heard = stage.heard(client)
        #expect(heard.contains("Connection: close") && heard.hasSuffix("hiFIN"))
        #expect(stage.logged().last?.contains("connection_age") == true)
    }

    /// A stream of events may be silent for an hour; a client that takes nothing of it may not.
    @Test func aStreamOfEventsHasATimeOfItsOwn() throws {
        for (type, isKept) in [("text/event-stream", true), ("text/plain", false)] {
            let stage = try ScriptedStage()
            let client = try stage.connect()
            stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
            stage.say("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\n\r\ndata: 1\n\n", from: stage.origins[0])
            _ = stage.heard(client)
            stage.pass(milliseconds: 600_000)
            stage.say("data: 2\n\n", from: stage.origins[0])
            #expect(stage.heard(client).contains("data: 2") == isKept)
            guard isKept else { continue }
            stage.pass(milliseconds: 3_601_000)
            #expect(stage.logged().last?.contains("response_body_timeout") == true)
        }
    }
}
