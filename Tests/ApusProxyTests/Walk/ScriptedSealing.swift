import ApusTransport
import Glibc
import Testing

@testable import ApusProxy

/// Sealed bytes of which not all go out.
@Suite struct ScriptedSealing {
    /// Which of the two ways of sending: what was appended to the arena, or what stands in one buffer.
    enum Way: CaseIterable { case appended, buffered }

    /// A link with an engine, after its handshake, and its peer.
    private struct Scene: ~Copyable {
        let network: MemoryNetwork
        let engines: ScriptedEngines
        var links: Links
        var link: Link
        var arena: BufferArena
        let peer: SealedEnd
        static let count = 40_000

        static func begin() throws -> Scene {
            let network = MemoryNetwork(seed: 1)
            network.capacities = [65_536]
            network.reception = { _ in .accept(after: 0) }
            var ends: [End] = []
            network.connected = { ends.append($1) }
            let engines = ScriptedEngines(seed: 1, room: 20_000)
            var links = try Links(pipeLimit: 1, script: network)
            links.adopt(ScriptedShields(["a"], peers: [9_000], for: engines)) { _ in }
            var link = Link()
            _ = links.connect(&link, to: WireAddress(high: 0, low: 0xffff_7f00_0001, port: 9_000))
            _ = links.shield(&link, from: 0, to: 0)
            _ = links.wait(milliseconds: 0)
            let end = try #require(ends.first)
            let peer = SealedEnd(end, isServer: true, over: network)
            var arena = BufferArena(limit: 1 << 20)
            var result = links.handshake(&link, waking: 0, &arena)
            for _ in 0..<10 where result.wouldBlock {
                peer.pull()
                peer.push()
                link.note(Poller.Event(token: 0, isReadable: true))
                result = links.handshake(&link, waking: 0, &arena)
            }
            peer.pull()
            try #require(result.rawValue == 0 && peer.side.isOpen)
            return Scene(network: network, engines: engines, links: links, link: link, arena: arena, peer: peer)
        }

        mutating func send(_ way: Way) -> SystemResult {
            arena.beginSend()
            for index in 0..<Self.count { arena.append(UInt8(truncatingIfNeeded: index)) }
            guard way == .buffered, let handle = arena.borrow(Self.count) else { return links.send(to: &link, &arena) }
            defer { arena.giveBack(handle) }
            arena.copyUnsent(from: 0, to: handle, at: 0)
            return links.send(to: &link, handle, 0..<Self.count, &arena)
        }
    }

    /// The link is reset between two records of one send: the send tells how much the peer has, and the next one fails.
    @Test(arguments: Way.allCases) func aSendThatBreaksTellsHowMuchHadGoneOut(_ way: Way) throws {
        var scene = try Scene.begin()
        let (network, peer) = (scene.network, scene.peer)
        network.afterNextSend = { if let end = peer.end.other { network.reset(end) } }
        let result = scene.send(way)
        peer.pull()
        let opened = peer.side.opened.count
        #expect(result.rawValue == opened && opened > 0 && opened < Scene.count)
        let next = scene.send(way)
        #expect(next.isFailure && !next.wouldBlock)
        let complaints = scene.engines.complaints + network.faults
        #expect(complaints == [])
    }

    /// There is no memory for the second record: the send fails, since a later record could go out, and this one would be missing.
    @Test(arguments: Way.allCases) func aSendThatLosesARecordForWantOfMemoryFails(_ way: Way) throws {
        var scene = try Scene.begin()
        let network = scene.network
        network.afterNextSend = { network.nextSendError = ENOMEM }
        let result = scene.send(way)
        let isBroken = scene.link.isBroken
        #expect(result.isOutOfMemory && isBroken)
        let complaints = scene.engines.complaints + network.faults
        #expect(complaints == [])
    }

    /// An origin that has got the first record of a request may have begun on it, so that a POST is not sent again.
    @Test func aRequestOfWhichARecordHasGoneOutIsNotSentAgain() throws {
        let stage = try ScriptedStage(seals: .pool)
        let client = try stage.connect()
        stage.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n", from: client)
        let origin = SealedEnd(stage.origins[0], isServer: true, over: stage.network)
        stage.shake(origin)
        #expect(origin.heard().hasPrefix("GET "))
        origin.put("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        stage.turns()
        #expect(stage.heard(client).hasSuffix("hi"))
        stage.network.afterNextSend = { [network = stage.network] in
            if let end = origin.end.other { network.reset(end) }
        }
        let body = String(repeating: "a", count: 30_000)
        stage.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000\r\n\r\n\(body)", from: client)
        #expect(origin.heard().hasPrefix("POST "))
        stage.pass(milliseconds: 300)
        #expect(stage.origins.count == 1 && stage.heard(client).hasPrefix("HTTP/1.1 502 "))
        #expect(stage.hand.leftovers(stage.network) == [] && stage.network.faults == [])
    }
}
