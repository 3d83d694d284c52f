import ApusModel
import ApusTransport
import Glibc
import Testing

@testable import ApusProxy

/// Handshakes, and what comes with them, step by step.
@Suite struct ScriptedHandshakes {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    /// A hundred clients begin in one turn: they take their handshakes in turns, and keep nobody waiting who is connected.
    @Test func aCrowdKeepsNobodyWaiting() throws {
        let stage = try ScriptedStage(seals: .listener)
        stage.network.splitsTurns = false
        let connected = SealedEnd(try stage.connect(), isServer: false, over: stage.network)
        connected.push()
        stage.turns()
        stage.shake(connected)
        connected.put(Self.get)
        stage.turns()
        stage.say(Self.answer, from: stage.origins[0])
        #expect(connected.heard().hasSuffix("hi"))
        var crowd: [SealedEnd] = []
        for _ in 0..<2 {
            crowd += try (0..<50).map { _ in
                SealedEnd(try stage.connect(), isServer: false, over: stage.network)
            }
            stage.turns()
        }
        for client in crowd { client.push() }
        connected.put(Self.get)
        var turns = 0
        while turns < 200, crowd.contains(where: { !$0.side.isOpen }) || stage.network.hasNews || stage.hand.hasMore {
            let before = stage.engines.stepsWithClients
            stage.hand.turn()
            turns += 1
            let steps = stage.engines.stepsWithClients - before
            #expect(steps <= Clients.handshakeStepsAtOnce)
            if turns == 1 {
                #expect(steps == Clients.handshakeStepsAtOnce)
                #expect(stage.heard(stage.origins[0]).hasPrefix("GET / "))
            }
            for client in crowd {
                client.pull()
                client.push()
            }
        }
        #expect(crowd.allSatisfy(\.side.isOpen) && turns < 40)
        crowd[99].put(Self.get)
        stage.turns()
        #expect(stage.origins.count == 2 && stage.engines.count == 101)
        #expect(stage.engines.complaints == [] && stage.network.faults == [])
    }

    /// The end of an origin comes along with a part of a record, which is nothing to read: no event tells of it again.
    @Test(arguments: [true, false]) func anEndThatComesWithNothingToReadIsHeard(withReset: Bool) throws {
        let stage = try ScriptedStage(seals: .pool)
        stage.network.resetsOvertake = false
        let client = try stage.connect()
        stage.say(Self.post, from: client)
        let origin = SealedEnd(stage.origins[0], isServer: true, over: stage.network)
        stage.shake(origin)
        #expect(origin.heard().hasSuffix("abc"))
        Array(Self.answer.utf8).withUnsafeBytes { origin.side.seal($0) }
        origin.push(withoutLast: 4)
        if withReset { stage.network.abandon(origin.end) } else { stage.network.close(origin.end) }
        stage.turns()
        #expect(stage.heard(client).hasPrefix("HTTP/1.1 502 "))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// An origin says with the last words of its handshake that it refuses: nothing else follows that would tell of it.
    @Test func aRefusalThatComesWithTheEndOfAHandshakeIsHeard() throws {
        let stage = try ScriptedStage(seals: .pool)
        let client = try stage.connect()
        stage.say(Self.post, from: client)
        let origin = SealedEnd(stage.origins[0], isServer: true, over: stage.network)
        for flight in 1...2 {
            origin.pull()
            if flight == 2 { origin.side.refuse(40) }
            origin.push()
            stage.turns()
        }
        #expect(stage.heard(client).hasPrefix("HTTP/1.1 502 "))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }

    /// The socket does not take the end of the handshake at once, so that the request has to wait: it is sent then, and a POST
    /// goes to no other origin when that one breaks.
    @Test func aRequestThatHasWaitedForAHandshakeIsSent() throws {
        let stage = try ScriptedStage(endpoints: 2, seals: .pool)
        let client = try stage.connect()
        stage.network.capacities = [32]
        stage.say(Self.post, from: client)
        let origin = SealedEnd(stage.origins[0], isServer: true, over: stage.network)
        stage.shake(origin)
        var heard = ""
        for _ in 0..<20 where !heard.hasSuffix("abc") {
            heard += origin.heard()
            stage.turns()
        }
        #expect(heard.hasSuffix("abc"))
        stage.network.abandon(origin.end)
        stage.pass(milliseconds: 300)
        #expect(stage.origins.count == 1 && stage.heard(client).hasPrefix("HTTP/1.1 502 "))
    }

    /// A record is lost for want of memory: nothing goes out that its peer could not read without it.
    @Test func nothingFollowsALostRecord() throws {
        let stage = try ScriptedStage(seals: .pool)
        let client = try stage.connect()
        stage.say(Self.get, from: client)
        let origin = SealedEnd(stage.origins[0], isServer: true, over: stage.network)
        stage.shake(origin)
        origin.put(Self.answer)
        stage.turns()
        #expect(stage.heard(client).hasSuffix("hi"))
        stage.put(Self.get, from: client)
        stage.network.nextSendError = ENOMEM
        stage.turns()
        #expect(stage.heard(client).contains("memory_limit"))
        origin.pull()
        #expect(origin.side.fault == nil && !origin.side.hasEnded)
    }
}
