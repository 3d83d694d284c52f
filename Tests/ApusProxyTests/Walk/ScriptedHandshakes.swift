import ApusModel
import ApusTransport
import Testing

@testable import ApusProxy

/// Handshakes, and what comes with them, step by step.
@Suite struct ScriptedHandshakes {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    /// Goes on with the handshake until it is over.
    private func shake(_ peer: SealedEnd, _ stage: ScriptedStage) {
        for _ in 0..<400 where !peer.side.isOpen {
            peer.pull()
            peer.push()
            stage.turns()
        }
    }

    /// A hundred clients begin in one turn: they take their handshakes in turns, and keep nobody waiting who is connected.
    @Test func aCrowdKeepsNobodyWaiting() throws {
        let stage = try ScriptedStage(seals: .listener)
        stage.network.splitsTurns = false
        let connected = SealedEnd(try stage.connect(), isServer: false, over: stage.network)
        connected.push()
        stage.turns()
        shake(connected, stage)
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
}
