import ApusModel
import Testing

@testable import ApusProxy

/// Origins that are not there any more while a request is under way: their machine acknowledges nothing.
@Suite struct ScriptedUnreachable {
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    /// The network between the worker and that origin is gone.
    private func lose(_ origin: End, _ stage: ScriptedStage) { origin.other?.lostSince = stage.network.now }

    private func get(_ stage: ScriptedStage, _ client: End) {
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
    }

    @Test(arguments: [3_000, 1_500, 5_000])
    func aRequestThatNobodyAcknowledgesGoesElsewhere(connect: Int64) throws {
        let stage = try ScriptedStage(endpoints: 2, timeouts: Timeouts(connect: .milliseconds(connect)))
        let client = try stage.connect()
        get(stage, client)
        lose(stage.origins[0], stage)
        stage.pass(milliseconds: connect - 50)
        #expect(stage.origins.count == 1)
        stage.pass(milliseconds: 1_100)
        try #require(stage.origins.count == 2)
        #expect(stage.heard(stage.origins[1]).hasPrefix("GET / "))
        stage.say(Self.answer, from: stage.origins[1])
        #expect(stage.heard(client).hasSuffix("hi"))
        #expect(stage.heard(stage.origins[0]).hasSuffix("FIN") || stage.origins[0].isDead)
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    @Test func whatMayNotBeRepeatedIsAnsweredWithTheReason() throws {
        let stage = try ScriptedStage(endpoints: 2)
        let client = try stage.connect()
        stage.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", from: client)
        lose(stage.origins[0], stage)
        stage.pass(milliseconds: 4_100)
        let heard = stage.heard(client)
        #expect(heard.hasPrefix("HTTP/1.1 504 ") && heard.contains("upstream_unreachable"))
        #expect(stage.logged().first?.contains("\"reason\":\"upstream_unreachable\"") == true)
    }

    /// An origin that hangs acknowledges: its request has all of its time.
    @Test func whoAcknowledgesHasAllTheTime() throws {
        let stage = try ScriptedStage(endpoints: 2)
        let client = try stage.connect()
        get(stage, client)
        stage.pass(milliseconds: 29_900)
        #expect(stage.origins.count == 1)
        stage.say(Self.answer, from: stage.origins[0])
        #expect(stage.heard(client).hasSuffix("hi"))
        get(stage, client)
        stage.pass(milliseconds: 30_100)
        #expect(stage.origins.count == 2, "late: it is sent elsewhere")
    }

    /// What comes back in time goes on.
    @Test func anAcknowledgementInTimeChangesNothing() throws {
        let stage = try ScriptedStage(endpoints: 2)
        let client = try stage.connect()
        get(stage, client)
        lose(stage.origins[0], stage)
        stage.pass(milliseconds: 2_500)
        stage.origins[0].other?.lostSince = nil
        stage.pass(milliseconds: 10_000)
        #expect(stage.origins.count == 1)
        stage.say(Self.answer, from: stage.origins[0])
        #expect(stage.heard(client).hasSuffix("hi"))
    }

    /// A machine that started again knows none of its connections: each idle one would cost a request three seconds.
    @Test func connectionsThatWereIdleThenAreDeadToo() throws {
        let stage = try ScriptedStage()
        let clients = try (0..<3).map { _ in try stage.connect() }
        for client in clients { get(stage, client) }
        for origin in stage.origins { stage.say(Self.answer, from: origin) }
        for client in clients { #expect(stage.heard(client).hasSuffix("hi")) }
        stage.pass(milliseconds: 500)
        for origin in stage.origins { lose(origin, stage) }
        get(stage, clients[0])
        stage.pass(milliseconds: 4_100)
        try #require(stage.origins.count == 4)
        #expect(stage.origins.prefix(3).allSatisfy { stage.heard($0).hasSuffix("FIN") || $0.isDead })
        stage.say(Self.answer, from: stage.origins[3])
        #expect(stage.heard(clients[0]).hasSuffix("hi"))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// Head and body in two pieces, as many clients send them.
    @Test func aRequestThatIsWholeLaterIsLookedAtAsWell() throws {
        let stage = try ScriptedStage(endpoints: 2)
        let client = try stage.connect()
        stage.say("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", from: client)
        stage.pass(milliseconds: 2_000)
        stage.say("abc", from: client)
        lose(stage.origins[0], stage)
        stage.pass(milliseconds: 2_900)
        #expect(stage.origins.count == 1)
        stage.pass(milliseconds: 1_200)
        try #require(stage.origins.count == 2)
        #expect(stage.heard(stage.origins[1]).hasSuffix("abc"))
    }

    /// Without an address to begin from no port will help: the endpoint is unreachable.
    @Test func aWantOfAddressesIsNoWantOfPorts() throws {
        let stage = try ScriptedStage()
        stage.network.hasAddress = false
        stage.network.reception = { _ in .refuseAtOnce(errno: 99) }
        let client = try stage.connect()
        get(stage, client)
        let heard = stage.heard(client)
        #expect(heard.hasPrefix("HTTP/1.1 502 ") && heard.contains("connect_failed"))
    }
}
