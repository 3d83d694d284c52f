import ApusBalancing
import Glibc

/// What a client or an origin of the walk speaks with: its end of a connection, and a side of the sealed protocol where it
/// speaks that.
///
/// Its results are those of `MemoryNetwork`, in bytes that are not sealed. Records go out whole or in pieces; what the socket
/// does not take waits here, and is not sent for whoever counts (`unsent`).
final class Voice {
    /// What goes wrong in its handshake, instead of one of its messages.
    enum Misstep: CaseIterable {
        case none, stops, refuses, lies, leaves
    }

    let end: End
    private unowned let world: World
    private(set) var side: SealedSide?
    private var random = SplitMix64(seed: 0)
    private var staged = ByteQueue()
    private var stagedTotal = 0
    /// Where in what was sealed records end that were not sent whole, and how many bytes are in them.
    private var records: [(end: Int, count: Int)] = []
    private var misstep = (kind: Misstep.none, flight: 0)
    private var withheld: [UInt8] = []
    /// It has said something that was no record: nothing that it might say is heard any more.
    private(set) var isMute = false
    /// The worker has said something that only an open side can.
    private var hasHeard = false
    private var wasReset = false
    /// In which of the worker's turns it was first looked for the rest of a record.
    private var pausedSince: Int?
    /// When it had taken last all that had come, if only a part of a record, and in which of the worker's turns.
    private(set) var emptied: (at: Int64, turn: Int)?
    /// Something came, or was sent, that nobody but this side has noticed.
    private(set) var hasProgressed = false

    /// The configuration that the worker had when this began.
    private let since: Int

    init(_ end: End, _ world: World) {
        self.end = end
        self.world = world
        since = world.generations.heard
    }

    private var network: MemoryNetwork { world.network }
    var isSealed: Bool { side != nil }
    /// The handshake is over, or there is none.
    var isOpen: Bool { side?.isOpen ?? true }
    /// A part of a record has come.
    var isInside: Bool { side?.isInside ?? false }
    /// Bytes that were taken, and of which the other end has not all that it needs to read them.
    var unsent: Int { records.reduce(0) { $0 + $1.count } }
    /// Nothing waits to be sent.
    var isFlushed: Bool { staged.isEmpty }
    /// What the other has said of itself.
    var peerName: String? { side?.peerName }

    /// Speaks the sealed protocol from now on.
    ///
    /// - Parameter received: what has come already.
    func seal(asServer isServer: Bool, name: String, misstep: Misstep, after received: [UInt8] = []) {
        random = SplitMix64(seed: network.random.next())
        self.misstep = (misstep, isServer ? 1 + random.next(below: 2) : 1 + random.next(below: 3))
        side = SealedSide(isServer: isServer, name: name, seed: random.next())
        if !isServer { side?.begin() }
        stage()
        received.withUnsafeBytes { take($0) }
        _ = flush()
    }

    // MARK: - Reading

    /// - Returns: bytes read; 0 at the end that the other has said; or minus an errno, also at an end that it has not.
    func receive(into target: UnsafeMutableRawBufferPointer) -> Int {
        guard side != nil else { return takeBytes(into: target) }
        hasProgressed = false
        while !end.isClosed {
            if let count = side?.opened.take(into: target), count > 0 {
                hasHeard = true
                return count
            }
            if side?.fault != nil { return -Int(ECONNRESET) }
            if side?.hasEnded == true { return 0 }
            let count = takeBytes(into: target)
            if count == -Int(EAGAIN) { lookAtPause() }
            guard count > 0 else { return count == 0 ? cut() : count }
            hasProgressed = true
            pausedSince = nil
            take(UnsafeRawBufferPointer(rebasing: target[..<count]))
            _ = flush()
        }
        return -Int(ECONNRESET)
    }

    private func takeBytes(into target: UnsafeMutableRawBufferPointer) -> Int {
        let count = network.receive(into: target, at: end)
        if count > 0, end.inbox.isEmpty { emptied = (network.now, world.turns) }
        return count
    }

    /// The rest of a record that has begun to come must come soon where there is room for it.
    private func lookAtPause() {
        guard isInside, !network.hasFailedSend, end.other?.isClosed == false else { return }
        let since = pausedSince ?? world.turns
        pausedSince = since
        if world.turns - since > 60 { world.fault("the rest of a record does not come to \(side?.name ?? "")") }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        var taken = 0
        while taken < bytes.count, side?.isOver == false {
            let wasOpen = isOpen
            taken += side?.take(UnsafeRawBufferPointer(rebasing: bytes[taken...])) ?? bytes.count
            if isOpen, !wasOpen { shaken() }
            stage()
        }
        if side?.fault == .broken || side?.fault == .foreign, !isMute {
            world.fault("the worker has sent no record to \(side?.name ?? "")")
        }
    }

    private func shaken() {
        if side?.isServer == true {
            world.tally.sealedOrigins += 1
            return
        }
        world.tally.sealedClients += 1
        // What it was accepted by, or a later configuration.
        let generation = peerName?.split(separator: " ").last.flatMap { Int($0) } ?? -1
        if generation < since { world.fault("a handshake by the configuration \(generation), not \(since)") }
    }

    /// FIN has come, and nobody has said that it would.
    private func cut() -> Int {
        world.tally.bareEnds += 1
        // There is an end that is said, if there is room for it.
        let hadRoom = end.other?.hasLackedRoom == false && !network.hasFailedSend && !world.engines.hasFailed
        if hasHeard, !isMute, !wasReset, hadRoom, !world.isShortOfMemory, !isLeaving {
            world.fault("FIN without an end, after \(side?.name ?? "")")
        }
        return -Int(ECONNRESET)
    }

    // MARK: - Sending

    /// - Returns: bytes taken, or minus an errno.
    func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard side != nil else { return network.send(bytes, from: end) }
        var taken = 0
        while taken < bytes.count {
            let result = flush()
            guard result >= 0 || result == -Int(EAGAIN) else { return result }
            guard isOpen, staged.isEmpty, !isMute, side?.hasFinished == false else { break }
            if random.next(below: 30) == 0 {
                side?.renew(asks: random.next(below: 2) == 0)
                world.tally.renewals += 1
            }
            let largest = [50, 2_000, SealedRecord.largest, SealedRecord.largest][random.next(below: 4)]
            let count = min(bytes.count - taken, 1 + random.next(below: largest))
            side?.seal(UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + count]))
            stage(count)
            taken += count
        }
        _ = flush()
        return taken > 0 ? taken : -Int(EAGAIN)
    }

    /// Sends what waits, or some of it.
    @discardableResult
    func flush() -> Int {
        guard !staged.isEmpty, !end.isClosed else { return 0 }
        var most = staged.count
        if !world.isSettling, random.next(below: 5) == 0 { most = 1 + random.next(below: most) }
        let result = staged.withFirst(most) { network.send($0, from: end) }
        guard result > 0 else {
            // A read does not tell it again.
            if result != -Int(EAGAIN) { wasReset = true }
            return result
        }
        staged.drop(result)
        hasProgressed = true
        let sent = stagedTotal - staged.count
        records.removeAll { $0.end <= sent }
        return result
    }

    /// Has what was sealed wait to be sent.
    private func stage(_ count: Int = 0) {
        guard let output = side?.output, !output.isEmpty else { return }
        side?.output.removeAll(keepingCapacity: true)
        if isMute { return }
        if misstep.kind != .none, count == 0 {
            misstep.flight -= 1
            if misstep.flight == 0 { return stumble(output) }
        }
        put(output)
        if count > 0 { records.append((stagedTotal, count)) }
    }

    private func put(_ output: [UInt8]) {
        output.withUnsafeBytes { staged.append($0) }
        stagedTotal += output.count
    }

    private func putOutput() {
        put(side?.output ?? [])
        side?.output.removeAll()
    }

    /// Something else comes instead of what was to be said in the handshake.
    private func stumble(_ output: [UInt8]) {
        world.tally.missteps["\(misstep.kind)", default: 0] += 1
        switch misstep.kind {
        case .none: break
        case .stops:
            withheld = Array(output.dropFirst(random.next(below: output.count)))
            put(Array(output.dropLast(withheld.count)))
            isMute = true
        case .refuses:
            put(output)
            side?.refuse(40)
            putOutput()
            isMute = true
        case .lies: lie()
        case .leaves:
            isMute = true
            network.close(end)
        }
    }

    /// Says something that is no record.
    func lie() {
        guard side != nil, !isMute else { return }
        side?.lie()
        putOutput()
        isMute = true
        world.tally.lies += 1
    }

    /// Asks the other side to take another key, or only takes one.
    func renew() {
        guard isOpen, staged.isEmpty, !isMute, side?.hasFinished == false else { return }
        side?.renew(asks: random.next(below: 2) == 0)
        world.tally.renewals += 1
        putOutput()
        flush()
    }

    /// Goes on with a handshake that was to stop in its middle.
    func goOn() {
        guard !withheld.isEmpty else { return }
        put(withheld)
        withheld = []
        isMute = false
        flush()
    }

    // MARK: - The end

    /// This side is closing, so that what the other does is no longer looked at.
    private var isLeaving: Bool { end.isClosed || end.hasFinished }

    /// Says that nothing follows.
    ///
    /// - Returns: whether all that was sealed, and that, was sent.
    private func sayEnd() -> Bool {
        guard side != nil else { return true }
        guard isOpen, !isMute else { return false }
        side?.finish()
        putOutput()
        while !staged.isEmpty, flush() > 0 {}
        return staged.isEmpty
    }

    /// Ends its direction.
    ///
    /// - Parameter withFIN: of a sealed one, by the socket too.
    func finish(withFIN: Bool) {
        _ = sayEnd()
        if withFIN || !isSealed { network.finish(end) }
    }

    /// Closes the connection; of a sealed one, in the proper way or by FIN alone.
    ///
    /// - Returns: whether what was sent has looked like all there was.
    @discardableResult
    func close(properly: Bool = true) -> Bool {
        let isWhole = properly ? sayEnd() : !isSealed
        network.close(end)
        return isWhole
    }

    func abandon() { network.abandon(end) }
}
