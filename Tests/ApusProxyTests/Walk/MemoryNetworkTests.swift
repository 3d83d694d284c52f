import ApusTransport
import Glibc
import Testing

/// The scripted network against the system's: the same things done on both give the same results and the same events.
@Suite struct MemoryNetworkTests {
    /// What the other end of a link can do, on either network.
    protocol Peer {
        /// - Returns: how many bytes.
        func send(_ count: Int) -> Int
        /// Reads all there is: its bytes, and then `.max` for an end, minus an errno, or 0.
        func readAll() -> (count: Int, then: Int)
        func finish()
        func close()
        func reset()
    }

    struct Scene: CustomTestStringConvertible, Sendable {
        let name: String
        let play: @Sendable (inout Stage) -> Void

        var testDescription: String { name }
    }

    /// A link that is registered, its peer, and what was seen.
    struct Stage: ~Copyable {
        var links: Links
        var link: Link
        var arena = BufferArena(limit: 1 << 20)
        let peer: any Peer
        /// Gives the system time to bring things over.
        let settle: () -> Void
        var seen: [String] = []

        mutating func look(_ name: String) {
            settle()
            var words: Set<String> = []
            let count = links.wait(milliseconds: 0)
            for index in 0..<count {
                let event = links.event(index)
                link.note(event)
                if event.isReadable { words.insert("in") }
                if event.isWritable { words.insert("out") }
                if event.peerClosed { words.insert("hup") }
                if event.isBroken { words.insert("broken") }
            }
            seen.append("\(name): \(words.sorted())")
        }

        mutating func read(_ count: Int = 60_000) {
            let result = links.receive(from: &link, into: .inbound, at: 0, count: count, &arena)
            seen.append("read \(result.rawValue), more: \(link.isReadable)")
        }

        mutating func send(_ count: Int = 100) {
            arena.beginSend()
            for _ in 0..<count { arena.append(UInt8(1)) }
            seen.append("send \(links.send(to: &link, &arena).rawValue)")
        }

        /// Sends until nothing is taken.
        mutating func fill() {
            arena.beginSend()
            for _ in 0..<60_000 { arena.append(UInt8(1)) }
            var result = links.send(to: &link, &arena)
            for _ in 0..<10_000 where result.rawValue > 0 {
                result = links.send(to: &link, &arena)
                // What is on its way makes room when it has arrived.
                if result.rawValue < 0 {
                    settle()
                    result = links.send(to: &link, &arena)
                }
            }
            seen.append("filled, and \(result.rawValue)")
        }

        mutating func peerReads() {
            settle()
            let result = peer.readAll()
            seen.append("peer read \(result.count > 0 ? "some" : "none"), then \(result.then)")
        }
    }

    static let scenes = [
        Scene(name: "bytes") { stage in
            stage.look("registered")
            stage.look("nothing new")
            _ = stage.peer.send(10)
            stage.look("10 bytes")
            stage.read()
            stage.read()
            _ = stage.peer.send(10)
            stage.look("10 bytes")
            stage.look("unread, and not told again")
            _ = stage.peer.send(10)
            stage.look("10 more")
            stage.read(20)
            stage.read(20)
        },
        Scene(name: "the peer's end") { stage in
            _ = stage.peer.send(10)
            stage.peer.finish()
            stage.look("bytes and FIN")
            stage.read(10)
            stage.read(10)
            stage.read(10)
            stage.send()
            stage.peerReads()
            stage.links.finish(&stage.link, &stage.arena)
            stage.look("both ended")
        },
        Scene(name: "the own end") { stage in
            stage.look("registered")
            stage.links.finish(&stage.link, &stage.arena)
            stage.look("ended")
            stage.send()
            _ = stage.peer.send(10)
            stage.look("bytes all the same")
            stage.read()
            stage.peer.close()
            stage.look("closed")
            stage.read()
        },
        Scene(name: "reset") { stage in
            stage.look("registered")
            stage.peer.reset()
            stage.look("reset")
            stage.read()
            stage.read()
            stage.send()
        },
        Scene(name: "reset, noticed by a send") { stage in
            stage.look("registered")
            stage.peer.reset()
            stage.look("reset")
            stage.send()
            stage.send()
            stage.read()
        },
        Scene(name: "no room") { stage in
            stage.look("registered")
            stage.fill()
            stage.look("full")
            stage.peerReads()
            stage.look("room")
            stage.send()
        },
        Scene(name: "sent to nobody") { stage in
            stage.look("registered")
            stage.peer.close()
            stage.look("closed")
            stage.send()
            stage.look("and reset")
            stage.send()
            stage.read()
        },
        Scene(name: "closed unread") { stage in
            _ = stage.peer.send(10)
            stage.look("10 bytes")
            stage.links.close(&stage.link, &stage.arena)
            stage.peerReads()
        },
        Scene(name: "closed") { stage in
            stage.send()
            stage.links.close(&stage.link, &stage.arena)
            stage.peerReads()
        },
        Scene(name: "closed with RST") { stage in
            stage.links.reset(&stage.link, &stage.arena)
            stage.peerReads()
        },
    ]

    @Test(arguments: scenes)
    func theScriptBehavesAsTheSystem(_ scene: Scene) throws {
        var real = try SystemPeer.stage()
        scene.play(&real)
        var scripted = try ScriptedPeer.stage()
        scene.play(&scripted)
        let (one, other) = (real.seen, scripted.seen)
        #expect(one == other)
    }

    /// A connection to nobody is told of by an event.
    @Test func refusalsAreTheSame() throws {
        let closed = SystemPeer.listen()
        closed.socket.close()
        let network = MemoryNetwork(seed: 1)
        network.reception = { _ in .refuse(after: 0) }
        let address = WireAddress(high: 0, low: 0xffff_7f00_0001, port: closed.port)
        var told: [[String]] = []
        for script in [nil, network] as [MemoryNetwork?] {
            var links = try Links(pipeLimit: 1, script: script)
            var link = Link()
            var arena = BufferArena(limit: 1 << 20)
            var words: [String] = []
            if links.connect(&link, to: address).isFailure {
                words.append("at once")
            } else {
                let isRegistered = links.register(link, token: 1 << 32)
                #expect(isRegistered)
                for index in 0..<links.wait(milliseconds: 100) { link.note(links.event(index)) }
                words.append("\(link.isReadable) \(link.peerClosed) \(link.isBroken) \(links.pendingError(of: link))")
                words.append("\(links.pendingError(of: link))")
                links.close(&link, &arena)
            }
            told.append(words)
        }
        #expect(told[0] == told[1])
    }
}

// MARK: - Peers

private struct SystemPeer: MemoryNetworkTests.Peer {
    let descriptor: Int32

    static func listen() -> (socket: Socket, port: UInt16) {
        let result = Socket.listen(WireAddress(high: 0, low: 0xffff_7f00_0001, port: 0))
        let socket = Socket(descriptor: Int32(truncatingIfNeeded: result.rawValue))
        return (socket, socket.localAddress.port)
    }

    static func stage() throws -> MemoryNetworkTests.Stage {
        let (listener, port) = listen()
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(result == 0)
        var links = try Links(pipeLimit: 1)
        var link = Link()
        var peer = WireAddress(high: 0, low: 0, port: 0)
        let isFailure = links.accept(&link, at: listener, peer: &peer).isFailure
        listener.close()
        let isRegistered = links.register(link, token: 1 << 32)
        #expect(!isFailure && isRegistered)
        return MemoryNetworkTests.Stage(
            links: links, link: link, peer: SystemPeer(descriptor: descriptor), settle: { usleep(2_000) })
    }

    func send(_ count: Int) -> Int {
        let bytes = [UInt8](repeating: 2, count: count)
        return Glibc.send(descriptor, bytes, count, Int32(MSG_NOSIGNAL))
    }

    func readAll() -> (count: Int, then: Int) {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var count = 0
        while true {
            let result = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if result > 0 {
                count += result
                // The rest may be on its way.
                usleep(500)
                continue
            }
            if result == 0 { return (count, .max) }
            return (count, errno == EAGAIN ? 0 : -Int(errno))
        }
    }

    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }
    func close() { _ = Glibc.close(descriptor) }

    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }
}

private struct ScriptedPeer: MemoryNetworkTests.Peer {
    let network: MemoryNetwork
    let end: End

    static func stage() throws -> MemoryNetworkTests.Stage {
        let network = MemoryNetwork(seed: 1)
        let listener = Socket(descriptor: network.open(port: 80))
        var peer = WireAddress(high: 0, low: 1, port: 1)
        guard let end = network.connect(toPort: 80, from: peer) else { throw CancellationError() }
        var links = try Links(pipeLimit: 1, script: network)
        var link = Link()
        let isFailure = links.accept(&link, at: listener, peer: &peer).isFailure
        let isRegistered = links.register(link, token: 1 << 32)
        #expect(!isFailure && isRegistered)
        return MemoryNetworkTests.Stage(
            links: links, link: link, peer: ScriptedPeer(network: network, end: end),
            settle: { network.now += 2_000 })
    }

    func send(_ count: Int) -> Int {
        [UInt8](repeating: 2, count: count).withUnsafeBytes { network.send($0, from: end) }
    }

    func readAll() -> (count: Int, then: Int) {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        var count = 0
        while true {
            let result = bytes.withUnsafeMutableBytes { network.receive(into: $0, at: end) }
            if result > 0 {
                count += result
                continue
            }
            return (count, result == 0 ? .max : result == -Int(EAGAIN) ? 0 : result)
        }
    }

    func finish() { network.finish(end) }
    func close() { network.close(end) }
    func reset() { network.abandon(end) }
}
