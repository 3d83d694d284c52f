import ApusBalancing
import ApusTransport
import Glibc

/// Engines of the tests' own protocol, for the worker of a test: they fail when the test wants, take little at a time, and
/// complain of what they must never be asked.
final class ScriptedEngines: LinkEngines {
    let flow: UnsafeMutablePointer<EngineFlow>
    private(set) var fault = LinkFault(.none)
    /// Nothing waits for anybody but the peer.
    var wake: (@Sendable (UInt64) -> Void)?
    /// By number; nil for one that was freed.
    private var sides: [SealedSide?] = []
    private var random: SplitMix64
    private(set) var contexts: [String?] = []
    private(set) var peers: [UInt16] = []
    /// Of so many calls one finds no memory; 0 for none.
    var failsCall = 0
    private(set) var hasFailed = false
    /// Steps of handshakes with clients so far.
    private(set) var stepsWithClients = 0
    /// Records that were not what the peer has sealed, or no records.
    private(set) var broken = 0
    private(set) var complaints: [String] = []

    /// - Parameter room: bytes that can be sealed at once; more than a record's.
    init(seed: UInt64, room: Int) {
        random = SplitMix64(seed: seed)
        let sealed = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
        flow = .allocate(capacity: 1)
        flow.initialize(to: EngineFlow(sealed: sealed, capacity: room))
    }

    deinit {
        flow.pointee.sealed.deallocate()
        flow.deallocate()
    }

    var count: Int { sides.count { $0 != nil } }

    func use(_ contexts: [String?], peers: [UInt16]) {
        self.contexts = contexts
        self.peers = peers
    }

    private func complain(_ text: String) { if complaints.count < 20 { complaints.append(text) } }

    private func findsNoMemory() -> Bool {
        guard failsCall > 0, random.next(below: failsCall) == 0 else { return false }
        fault = LinkFault(.memory)
        hasFailed = true
        return true
    }

    // MARK: - One link's

    func make(from context: Int32, to peer: Int32) -> Int {
        guard contexts.indices.contains(Int(context)), let name = contexts[Int(context)] else {
            complain("an engine from the context \(context), which there is not")
            return -Int(EINVAL)
        }
        if peer >= 0, !peers.indices.contains(Int(peer)) {
            complain("an engine for the peer \(peer), whom nobody knows")
            return -Int(EINVAL)
        }
        if findsNoMemory() { return -Int(ENOMEM) }
        let side = SealedSide(
            isServer: peer < 0, name: peer < 0 ? name : "\(name) \(peers[Int(peer)])", seed: random.next())
        // Numbers are used again at once.
        guard let free = sides.firstIndex(where: { $0 == nil }) else {
            sides.append(side)
            return sides.count - 1
        }
        sides[free] = side
        return free
    }

    func free(_ engine: Int32) {
        if sides[Int(engine)] == nil { complain("the engine \(engine) was freed twice") }
        sides[Int(engine)] = nil
    }

    func handshake(_ engine: Int32, waking token: UInt64) -> Int {
        guard let isServer = sides[Int(engine)]?.isServer else { return unknown(engine) }
        if isServer { stepsWithClients += 1 }
        if findsNoMemory() { return -Int(ENOMEM) }
        if !isServer, sides[Int(engine)]?.hasSpoken == false { sides[Int(engine)]?.begin() }
        while sides[Int(engine)]?.isOpen == false, sides[Int(engine)]?.isOver == false, takeRecord(engine) {}
        defer { say(engine) }
        guard sides[Int(engine)]?.fault == nil else { return failed(engine) }
        return sides[Int(engine)]?.isOpen == true ? 0 : -Int(EAGAIN)
    }

    func isResumed(_ engine: Int32) -> Bool { engine % 2 == 0 }
    func identity(_ engine: Int32) -> LinkIdentity? { nil }
    func terms(_ engine: Int32) -> LinkTerms { LinkTerms(serverName: nil, version: "sealed", cipher: "mask") }
    func policy(_ engine: Int32) -> Int { 0 }
    func policy(_ engine: Int32, ofHost name: String?) -> Int { 0 }
    func isOfTLS12(_ engine: Int32) -> Bool { engine % 3 == 0 }
    func claim(_ engine: Int32) -> LinkClaim { LinkClaim() }

    func appetite(_ engine: Int32, room: Int) -> Int {
        guard let side = sides[Int(engine)] else { return 1 }
        // Now and then more than there is room for.
        if random.next(below: 4) == 0 { return room + random.next(below: 20_000) }
        return max(room - SealedRecord.largest - SealedRecord.header, side.wanted)
    }

    func open(_ engine: Int32, into bytes: UnsafeMutableRawPointer, room: Int) -> Int {
        guard sides[Int(engine)] != nil else { return unknown(engine) }
        if sides[Int(engine)]?.isOpen == false { complain("the engine \(engine) was to open before its handshake") }
        if findsNoMemory() { return -Int(ENOMEM) }
        var opened = 0
        while opened < room {
            let target = UnsafeMutableRawBufferPointer(start: bytes + opened, count: room - opened)
            opened += sides[Int(engine)]?.opened.take(into: target) ?? 0
            guard opened < room, sides[Int(engine)]?.isOver == false, takeRecord(engine) else { break }
        }
        defer { say(engine) }
        if opened > 0 { return opened }
        if sides[Int(engine)]?.fault != nil { return failed(engine) }
        return sides[Int(engine)]?.hasEnded == true ? 0 : -Int(EAGAIN)
    }

    func seal(_ engine: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        guard sides[Int(engine)] != nil else { return unknown(engine) }
        if sides[Int(engine)]?.isOpen == false { complain("the engine \(engine) was to seal before its handshake") }
        if sides[Int(engine)]?.hasFinished == true { complain("the engine \(engine) was to seal after its end") }
        if findsNoMemory() { return -Int(ENOMEM) }
        if random.next(below: 40) == 0 { sides[Int(engine)]?.renew(asks: random.next(below: 2) == 0) }
        var taken = 0
        repeat {
            var piece = min(count - taken, SealedRecord.largest)
            if random.next(below: 4) == 0 { piece = 1 + random.next(below: piece) }
            sides[Int(engine)]?.seal(UnsafeRawBufferPointer(start: bytes + taken, count: piece))
            taken += piece
            say(engine)
            let left = flow.pointee.sealedCapacity - flow.pointee.sealedCount
            guard left >= SealedRecord.largest + 64, random.next(below: 8) > 0 else { break }
        } while taken < count
        return taken
    }

    func finish(_ engine: Int32) {
        sides[Int(engine)]?.finish()
        say(engine)
    }

    func hasMore(_ engine: Int32) -> Bool { sides[Int(engine)]?.isOver == true }

    func hasEnded(_ engine: Int32) -> Bool {
        guard let side = sides[Int(engine)] else { return false }
        return side.hasEnded && side.opened.isEmpty
    }

    // MARK: - What came of it

    /// - Returns: whether there was something to take.
    private func takeRecord(_ engine: Int32) -> Bool {
        let count = flow.pointee.receivedCount
        guard count > 0, sides[Int(engine)] != nil else { return false }
        let bytes = UnsafeRawBufferPointer(start: flow.pointee.received, count: count)
        let taken = sides[Int(engine)]?.take(bytes) ?? 0
        if sides[Int(engine)]?.fault == .broken { broken += 1 }
        flow.pointee.received += taken
        flow.pointee.receivedCount -= taken
        return true
    }

    /// Puts what it has to say where it is sent from.
    private func say(_ engine: Int32) {
        guard let output = sides[Int(engine)]?.output, !output.isEmpty else { return }
        sides[Int(engine)]?.output.removeAll(keepingCapacity: true)
        guard output.count <= flow.pointee.sealedCapacity - flow.pointee.sealedCount else {
            return complain("no room for the \(output.count) bytes that the engine \(engine) has to say")
        }
        output.withUnsafeBytes {
            UnsafeMutableRawPointer(flow.pointee.sealed + flow.pointee.sealedCount)
                .copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        flow.pointee.sealedCount += output.count
    }

    private func failed(_ engine: Int32) -> Int {
        switch sides[Int(engine)]?.fault {
        case .foreign: fault = LinkFault(.noTLS)
        case .refused(let alert): fault = LinkFault(.refused, detail: alert)
        default: fault = LinkFault(.broken)
        }
        if fault.kind != .refused { sides[Int(engine)]?.refuse(20) }
        return -Int(EPROTO)
    }

    private func unknown(_ engine: Int32) -> Int {
        complain("the engine \(engine) is used, and was freed")
        return -Int(EPROTO)
    }
}

/// What engines are made from, for one configuration of a test.
final class ScriptedShields: LinkShields {
    /// The names of contexts, and the ports of peers, by their numbers.
    private let contexts: [String?]
    private let peers: [UInt16]
    private nonisolated(unsafe) let engines: ScriptedEngines

    init(_ contexts: [String?], peers: [UInt16], for engines: ScriptedEngines) {
        self.contexts = contexts
        self.peers = peers
        self.engines = engines
    }

    func makeEngines() -> any LinkEngines {
        engines.use(contexts, peers: peers)
        return engines
    }

    func adopt(by engines: any LinkEngines) { _ = makeEngines() }
}
