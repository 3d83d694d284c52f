import ApusModel
import ApusTransport
import Glibc
import Testing

@testable import ApusProxy

/// What this machine lacks: no local port, no descriptor, no memory. The origins have nothing to do with it, and neither has
/// the client.
@Suite struct ScriptedShortages {
    @Test(arguments: [EADDRNOTAVAIL, EMFILE, ENFILE, ENOMEM, ENOBUFS])
    func whatLacksForOneEndpointMayBeThereForAnother(errno: Int32) throws {
        let stage = try ScriptedStage(endpoints: 2) {
            $0.endpointBreaker = BreakerRules(consecutiveFailures: 1)
            $0.outliers = OutlierRules(consecutiveGatewayErrors: 1)
        }
        stage.network.reception = { $0 == 9_000 ? .refuseAtOnce(errno: errno) : .accept(after: 0) }
        let client = try stage.connect()
        for _ in 0..<6 {
            stage.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", from: client)
            let origin = try #require(stage.origins.last)
            stage.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi", from: origin)
            #expect(stage.heard(client).hasSuffix("hi"))
        }
        #expect(stage.count(.connectFailures, 0) == 0 && stage.count(.failures, 0) == 0)
        #expect(stage.count(.connectShortages, 0) > 0 && stage.count(.connectShortages, 1) == 0)
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    @Test(
        arguments: [
            (EADDRNOTAVAIL, "port_limit"), (EMFILE, "descriptor_limit"), (ENFILE, "descriptor_limit"),
            (ENOMEM, "memory_limit"), (ENOBUFS, "memory_limit"),
        ] as [(Int32, String)])
    func theAnswerSaysWhatLacks(errno: Int32, reason: String) throws {
        let stage = try ScriptedStage(endpoints: 2)
        stage.network.reception = { _ in .refuseAtOnce(errno: errno) }
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        let heard = stage.heard(client)
        #expect(heard.hasPrefix("HTTP/1.1 503 ") && heard.contains(reason))
        #expect(stage.logged().first?.contains("\"reason\":\"\(reason)\"") == true)
        stage.network.reception = { _ in .accept(after: 0) }
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        #expect(stage.origins.count == 1, "the client's connection goes on, and so do the endpoints")
    }

    /// The system has no memory to send the response with.
    @Test(arguments: [ENOMEM, ENOBUFS])
    func aResponseThatCannotBeSentForWantOfMemoryIsNotTheClientsFault(errno: Int32) throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        stage.network.sendError = errno
        stage.put("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", from: stage.origins[0])
        stage.turns()
        let line = try #require(stage.logged().first)
        #expect(line.contains("\"reason\":\"memory_limit\"") && line.contains("\"closed_by\":\"apus\""))
    }

    /// Nor is the origin to blame for a request that could not be sent.
    @Test(arguments: [ENOMEM, ENOBUFS])
    func aRequestThatCannotBeSentForWantOfMemoryIsNotTheOriginsFault(errno: Int32) throws {
        let stage = try ScriptedStage { $0.endpointBreaker = BreakerRules(consecutiveFailures: 1) }
        stage.network.reception = { _ in .accept(after: 1_000) }
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        stage.network.sendError = errno
        stage.network.now += 2_000
        stage.hand.turn()
        stage.network.sendError = 0
        stage.turns()
        #expect(stage.count(.failures, 0) == 0)
        stage.network.reception = { _ in .accept(after: 0) }
        let other = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: other)
        #expect(stage.heard(stage.origins[stage.origins.count - 1]).contains("GET / "), "no breaker has opened")
    }

    /// What may not be repeated goes over a connection that was used a moment ago, or a new one; where no new one can be had, any
    /// will do.
    @Test(arguments: [EADDRNOTAVAIL, EMFILE])
    func aKeptConnectionIsBetterThanNone(errno: Int32) throws {
        let stage = try ScriptedStage()
        let client = try stage.connect()
        for method in ["GET", "POST"] {
            stage.say("\(method) / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", from: client)
            try #require(stage.origins.count == 1)
            stage.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", from: stage.origins[0])
            #expect(stage.heard(client).hasSuffix("hi"))
            stage.network.reception = { _ in .refuseAtOnce(errno: errno) }
            stage.pass(milliseconds: 1_500)
        }
        #expect(stage.count(.connectShortages) == 0 && stage.count(.connectionsReused) == 1)
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// Descriptors that idle connections to other endpoints have are given up.
    @Test func anIdleConnectionElsewhereIsGivenUpForADescriptor() throws {
        let stage = try ScriptedStage(endpoints: 2)
        let client = try stage.connect()
        func get() throws {
            stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
            stage.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", from: try #require(stage.origins.last))
        }
        try get()
        #expect(stage.heard(client).hasSuffix("hi"))
        var attempts = 0
        stage.network.reception = { _ in
            attempts += 1
            return attempts == 1 ? .refuseAtOnce(errno: EMFILE) : .accept(after: 0)
        }
        try get()
        #expect(stage.heard(client).hasSuffix("hi") && stage.origins.count == 2)
        #expect(stage.heard(stage.origins[0]).hasSuffix("FIN"))
        #expect(stage.count(.connectShortages, 1) == 0)
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }
}
