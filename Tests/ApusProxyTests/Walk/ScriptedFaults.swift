import ApusModel
import ApusTransport
import Testing

@testable import ApusProxy

/// Whose fault it is, and what is tried again: rules that no other test of this folder meets.
@Suite struct ScriptedFaults {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    private static let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"

    /// A client that sends its body only to an origin that asks for it (RFC 9110 section 10.1.1) is waited for as well.
    @Test(arguments: [true, false])
    func aBodyThatIsNotAskedForIsNobodysFault(isExpected: Bool) throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        stage.say(Self.post + (isExpected ? "Expect: 100-continue\r\n\r\n" : "\r\nabc"), from: client)
        try #require(stage.origins.count == 1)
        stage.pass(milliseconds: 31_000)
        #expect(stage.heard(client).hasPrefix("HTTP/1.1 504 "))
        #expect(stage.count(.failures) == (isExpected ? 0 : 1))
    }

    /// What a pool may repeat, another may not: the one that has the request decides.
    @Test(arguments: [true, false])
    func thePoolThatHasARequestSaysWhetherItIsRepeated(repeats: Bool) throws {
        let stage = try ScriptedStage {
            $0.retries.repeatsAll = !repeats
        } fallback: {
            $0.retries.repeatsAll = repeats
        }
        stage.network.reception = { $0 == 9_000 ? .refuseAtOnce(errno: 111) : .accept(after: 0) }
        let client = try stage.connect()
        stage.say(Self.post + "\r\nabc", from: client)
        try #require(stage.origins.count == 1)
        stage.network.abandon(stage.origins[0])
        stage.pass(milliseconds: 300)
        #expect(stage.origins.count == (repeats ? 2 : 1))
        if let other = stage.origins.last, repeats { stage.say(Self.answer, from: other) }
        #expect(stage.heard(client).hasPrefix(repeats ? "HTTP/1.1 200 " : "HTTP/1.1 502 "))
    }

    /// A connection on which a client has authenticated is closed before its origin does, as any that is kept.
    @Test func theTimeOfAConnectionThatIsSomebodyIsTheOrigins() throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        let challenge = "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n"
        stage.say(challenge + "Keep-Alive: timeout=2\r\n\r\nhi", from: stage.origins[0])
        #expect(stage.heard(client).hasSuffix("hi"))
        stage.pass(milliseconds: 900)
        #expect(stage.hand.worker.proxy.connections.count == 2)
        stage.pass(milliseconds: 400)
        #expect(stage.hand.worker.proxy.connections.count == 1)
    }

    /// What is kept of bodies for another attempt gives way to requests that would otherwise be refused.
    @Test func whatIsKeptForARetryGivesWay() throws {
        let body = String(repeating: "b", count: 60_000)
        let put = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + body
        let stage = try ScriptedStage(
            configure: { $0.retries.bodyBytes = 65_536 }, limits: Limits(bufferBytesPerWorker: 400_000))
        let clients = try (0..<12).map { _ in try stage.connect() }
        for client in clients { stage.say(put, from: client) }
        try #require(stage.origins.count == 12, "none is refused")
        for origin in stage.origins { #expect(stage.heard(origin).hasSuffix("bb")) }
        #expect(stage.hand.arena.bytesInUse <= 400_000)
        for origin in stage.origins { stage.say(Self.answer, from: origin) }
        for client in clients { #expect(stage.heard(client).hasSuffix("hi")) }
    }
}
