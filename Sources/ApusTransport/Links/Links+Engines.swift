import CApusSystem

/// Links whose bytes go through an engine: TLS.
///
/// What was received passes through `sealedInput`, and what is sent through the engines' own buffer, both this loop's and
/// empty between two calls. What an engine or a socket does not take at once is kept in blocks of the arena, so that the
/// limit of memory counts it; a link at rest has none.
extension Links {
    /// Bytes received at once, sealed.
    static var sealedCapacity: Int { 64 << 10 }

    /// What is kept of a link's bytes.
    struct Kept {
        /// Received, and not opened.
        var input = Stretch()
        /// Sealed, and not sent.
        var output = Stretch()
    }

    /// What engines are made from, from now on.
    ///
    /// - Parameter wake: has the handshake go on that it names by its token, in this loop: called by any thread.
    public mutating func adopt(_ shields: any LinkShields, wake: @escaping @Sendable (UInt64) -> Void) {
        if let room { return shields.adopt(by: room.engines) }
        let engines = shields.makeEngines()
        engines.wake = wake
        room = EngineRoom(engines)
    }

    /// Gives a new link its engine.
    ///
    /// - Parameters:
    ///   - context: what the engine is made from.
    ///   - peer: whom it leads to, where the handshake is this side's to begin; -1 for a client's.
    /// - Returns: a failure when there is no memory; the link has no engine then.
    public mutating func shield(_ link: inout Link, from context: Int32, to peer: Int32 = -1) -> SystemResult {
        guard let room else { preconditionFailure("there is nothing to make an engine by") }
        let result = room.engines.make(from: context, to: peer)
        guard result >= 0 else { return SystemResult(result) }
        guard result < Link.engineLimit else {
            room.engines.free(Int32(truncatingIfNeeded: result))
            return SystemResult(-Int(ENOMEM))
        }
        room.makePlace(result)
        link.engine = Int32(truncatingIfNeeded: result)
        link.begins = peer >= 0
        return SystemResult(0)
    }

    /// Has the engine of a new link see first what was received before the link had one.
    ///
    /// - Returns: false when there is no memory for it.
    public mutating func hold(_ received: Stretch, for link: inout Link, _ arena: inout BufferArena) -> Bool {
        guard let room else { preconditionFailure("bytes for an engine that nothing made") }
        precondition(received.count <= Self.sealedCapacity, "more was received at once than an engine is shown")
        guard received.count > 0 else { return true }
        guard let handle = arena.borrow(received.count) else { return false }
        arena.copy(from: received.handle, received.range, to: handle, at: 0)
        room.kept[Int(link.engine)].input = Stretch(handle, 0..<received.count)
        link.holdsInput = true
        return true
    }

    /// Goes on with a link's handshake.
    ///
    /// - Parameter token: whom `adopt`'s `wake` is to name, should the engine wait for something else than the peer.
    /// - Returns: 0 when it is done; a failure that would have had to wait when the peer must send more, or is in progress.
    public mutating func handshake(
        _ link: inout Link, waking token: UInt64, _ arena: inout BufferArena
    ) -> SystemResult {
        guard let room else { preconditionFailure("a handshake without an engine") }
        room.clear()
        var result = SystemResult(-Int(EAGAIN))
        if link.begins {
            link.begins = false
            result = step(&link, room, token, &arena)
        }
        if result.wouldBlock, link.holdsInput {
            takeKept(&link, room, &arena)
            result = step(&link, room, token, &arena)
        }
        while result.wouldBlock, link.mayBeRead {
            let received = receiveSealed(&link, room, Self.sealedCapacity)
            if received.rawValue == 0 { return .reset }
            if received.isFailure { return received }
            result = step(&link, room, token, &arena)
        }
        // Nobody has to send anything before the next step.
        link.begins = result.isInProgress
        guard result.rawValue == 0 || result.isInProgress else { return result }
        return keepReceived(&link, room, &arena) ? result : SystemResult(-Int(ENOMEM))
    }

    private mutating func step(
        _ link: inout Link, _ room: EngineRoom, _ token: UInt64, _ arena: inout BufferArena
    ) -> SystemResult {
        let result = room.engines.handshake(link.engine, waking: token)
        // Who speaks plain HTTP is answered in that, and not by an alert.
        if result == -Int(EPROTO), fault.kind == .plainHTTP { room.clear() }
        let sent = sendSealed(&link, room, &arena)
        return sent.isFailure ? sent : SystemResult(result)
    }

    /// Why the engine that gave up last did so: after a call that gave EPROTO.
    public var fault: LinkFault {
        guard let room else { return LinkFault(.none) }
        let fault = room.engines.fault
        guard fault.kind == .noTLS else { return fault }
        if room.receivedAProxyHeader { return LinkFault(.proxyHeader) }
        return room.receivedARequest ? LinkFault(.plainHTTP) : fault
    }

    /// The alert by which the peer has ended the conversation in the last call, behind the handshake; nil for none.
    public func lateAlert(_ link: Link) -> UInt8? {
        guard let room, !link.isPlain, room.failed == link.engine else { return nil }
        let fault = room.engines.fault
        return fault.kind == .refused ? fault.detail : nil
    }

    /// Whether the link's handshake has resumed a session.
    public func isResumed(_ link: Link) -> Bool { !link.isPlain && room?.engines.isResumed(link.engine) == true }

    /// Who the link's peer is, as far as it was verified.
    public func identity(_ link: Link) -> LinkIdentity? { link.isPlain ? nil : room?.engines.identity(link.engine) }

    /// What the link's handshake has agreed on; nil for one without.
    public func terms(_ link: Link) -> LinkTerms? { link.isPlain ? nil : room?.engines.terms(link.engine) }

    /// Whether the link's handshake has agreed on TLS 1.2.
    public func isOfTLS12(_ link: Link) -> Bool { !link.isPlain && room?.engines.isOfTLS12(link.engine) == true }

    /// What the link's client had said of itself when its handshake failed.
    public func claim(_ link: Link) -> LinkClaim? { link.isPlain ? nil : room?.engines.claim(link.engine) }

    /// By which of several rules the link's handshake was made, in the numbers of what its engine was made from.
    public func policy(_ link: Link) -> Int { link.isPlain ? 0 : room?.engines.policy(link.engine) ?? 0 }

    /// Whether the link's handshake was made by other rules than one for that name would have been, by what its engine was made
    /// from; nil for no name.
    public func isMisdirected(_ link: Link, to name: String?) -> Bool {
        guard !link.isPlain, let room else { return false }
        return room.engines.policy(link.engine) != room.engines.policy(link.engine, ofHost: name)
    }

    /// Takes a link's engine away, so that it can be told something in the clear.
    public mutating func unshield(plainly link: inout Link, _ arena: inout BufferArena) { unshield(&link, &arena) }

    // MARK: - Reading

    /// `receive` for a link with an engine.
    @usableFromInline @inline(never)
    mutating func receiveOpened(
        from link: inout Link, into handle: BufferHandle, at offset: Int, count: Int, _ arena: inout BufferArena
    ) -> SystemResult {
        guard let room else { preconditionFailure("a link has an engine that nothing made") }
        room.clear()
        if link.holdsInput {
            takeKept(&link, room, &arena)
            let result = open(&link, room, handle, offset, count, &arena)
            if !result.wouldBlock { return result }
        }
        while true {
            let asked = min(room.engines.appetite(link.engine, room: count), Self.sealedCapacity)
            let received = receiveSealed(&link, room, asked)
            if received.rawValue == 0 { return room.engines.hasEnded(link.engine) ? received : .reset }
            if received.isFailure { return received }
            let result = open(&link, room, handle, offset, count, &arena)
            // With what was nothing to read the peer's end may have come, of which no other event tells.
            if !result.wouldBlock || !link.mayBeRead { return result }
        }
    }

    private mutating func receiveSealed(_ link: inout Link, _ room: EngineRoom, _ count: Int) -> SystemResult {
        let result: SystemResult
        if isScripted {
            var bytes = unsafe MutableSpan(_unsafeStart: room.sealedInput, count: count)
            result = receiveFromScript(link.descriptor, &bytes)
        } else {
            result = SystemResult(unsafe apus_receive(link.descriptor, room.sealedInput, count))
        }
        if result.rawValue < count { link.hasBytes = false }
        unsafe room.engines.flow.pointee.received = UnsafePointer(room.sealedInput)
        unsafe room.engines.flow.pointee.receivedCount = max(0, result.rawValue)
        return result.rawValue > 0 ? result : nothing(result, link)
    }

    private mutating func open(
        _ link: inout Link, _ room: EngineRoom, _ handle: BufferHandle, _ offset: Int, _ count: Int,
        _ arena: inout BufferArena
    ) -> SystemResult {
        let start = unsafe arena.start(of: handle, offset..<offset + count)
        let result = unsafe room.engines.open(link.engine, into: start, room: count)
        if result == -Int(EPROTO) { room.failed = link.engine }
        // What it has to say by itself: that keys were changed, or why it gives up.
        let sent = sendSealed(&link, room, &arena)
        // Nothing follows the peer's end.
        if result == 0 { room.clear() }
        // What was opened is not to be had again, and what was to be said would be missed: who asks once more would be misled.
        guard keepReceived(&link, room, &arena), !sent.isOutOfMemory else { return SystemResult(-Int(EPROTO)) }
        if result > 0,
            result == count || room.engines.hasMore(link.engine) || !room.kept[Int(link.engine)].input.isEmpty
        {
            link.holdsInput = true
            link.hasBytes = true
        }
        return result < 0 && sent.isFailure ? sent : SystemResult(result)
    }

    /// Keeps what an engine left of what was received.
    private mutating func keepReceived(_ link: inout Link, _ room: EngineRoom, _ arena: inout BufferArena) -> Bool {
        let count = unsafe room.engines.flow.pointee.receivedCount
        guard count > 0 else { return true }
        guard let handle = arena.borrow(count) else { return false }
        unsafe arena.start(of: handle, 0..<count)
            .copyMemory(from: room.engines.flow.pointee.received, byteCount: count)
        unsafe room.engines.flow.pointee.receivedCount = 0
        arena.giveBack(room.kept[Int(link.engine)].input.handle)
        room.kept[Int(link.engine)].input = Stretch(handle, 0..<count)
        link.holdsInput = true
        link.hasBytes = true
        return true
    }

    /// Has an engine see what was kept for it.
    private mutating func takeKept(_ link: inout Link, _ room: EngineRoom, _ arena: inout BufferArena) {
        link.holdsInput = false
        let kept = room.kept[Int(link.engine)].input
        guard !kept.isEmpty else { return }
        unsafe room.sealedInput.update(
            from: arena.start(of: kept.handle, kept.range).assumingMemoryBound(to: UInt8.self), count: kept.count)
        unsafe room.engines.flow.pointee.received = UnsafePointer(room.sealedInput)
        unsafe room.engines.flow.pointee.receivedCount = kept.count
        arena.giveBack(kept.handle)
        room.kept[Int(link.engine)].input = Stretch()
    }

    // MARK: - Sending

    /// `send` for a link with an engine: what was appended to the arena.
    @usableFromInline @inline(never)
    mutating func sealAppended(to link: inout Link, _ arena: inout BufferArena) -> SystemResult {
        guard let room else { preconditionFailure("a link has an engine that nothing made") }
        room.clear()
        if let result = flushKept(&link, room, &arena) { return result }
        let total = arena.sendCount
        var (taken, sent) = (0, 0)
        while taken < total, !link.holdsOutput {
            let (start, count) = unsafe arena.gathered(from: taken, atMost: room.record, into: room.gathering)
            let sealed = unsafe room.engines.seal(link.engine, start, count)
            if sealed < 0 { return lost(&link, sealed) }
            taken += sealed
            if taken < total, unsafe room.engines.flow.pointee.hasRoom(for: room.record) { continue }
            let result = sendSealed(&link, room, &arena)
            if result.isFailure { return broken(result, after: sent) }
            sent = taken
        }
        return SystemResult(taken)
    }

    /// The same of bytes that stand in one buffer.
    @usableFromInline @inline(never)
    mutating func seal(
        to link: inout Link, _ handle: BufferHandle, _ range: Range<Int>, _ arena: inout BufferArena
    ) -> SystemResult {
        guard let room else { preconditionFailure("a link has an engine that nothing made") }
        room.clear()
        if let result = flushKept(&link, room, &arena) { return result }
        var taken = 0
        while taken < range.count, !link.holdsOutput {
            let start = unsafe arena.start(of: handle, range) + taken
            let sealed = unsafe room.engines.seal(link.engine, start, range.count - taken)
            if sealed < 0 { return lost(&link, sealed) }
            let result = sendSealed(&link, room, &arena)
            if result.isFailure { return broken(result, after: taken) }
            taken += sealed
        }
        return SystemResult(taken)
    }

    /// The result of a send that broke: what went out before is said, since the peer may have it; the next send fails as well.
    ///
    /// Not for want of memory: the next could succeed, and what is lost would be missing.
    private func broken(_ result: SystemResult, after sent: Int) -> SystemResult {
        sent > 0 && !result.isOutOfMemory ? SystemResult(sent) : result
    }

    /// Sealed bytes that the socket has not taken.
    public mutating func unsentCount(_ link: Link) -> Int {
        guard let room, link.holdsOutput else { return 0 }
        return room.kept[Int(link.engine)].output.count
    }

    /// Sends what was sealed before.
    ///
    /// - Returns: 0 when nothing is left, or the socket takes no more now.
    public mutating func flush(_ link: inout Link, _ arena: inout BufferArena) -> SystemResult {
        guard let room, link.holdsOutput else { return SystemResult(0) }
        let result = flushKept(&link, room, &arena) ?? SystemResult(0)
        return result.wouldBlock ? SystemResult(0) : result
    }

    /// - Returns: nil when nothing is left of what was sealed before.
    private mutating func flushKept(
        _ link: inout Link, _ room: EngineRoom, _ arena: inout BufferArena
    ) -> SystemResult? {
        guard link.holdsOutput else { return nil }
        let kept = room.kept[Int(link.engine)].output
        let result =
            isScripted
            ? sendToScript(link.descriptor, arena.bytes(kept.handle, kept.range))
            : arena.send(to: link.descriptor, kept.handle, kept.range)
        if result.isReset { link.wasReset = true }
        if result.isFailure { return result }
        guard result.rawValue == kept.count else {
            room.kept[Int(link.engine)].output.start += Int32(result.rawValue)
            return SystemResult(-Int(EAGAIN))
        }
        arena.giveBack(kept.handle)
        room.kept[Int(link.engine)].output = Stretch()
        link.holdsOutput = false
        return nil
    }

    /// Sends what the engine has sealed, and keeps what the socket does not take.
    private mutating func sendSealed(
        _ link: inout Link, _ room: EngineRoom, _ arena: inout BufferArena
    ) -> SystemResult {
        let count = unsafe room.engines.flow.pointee.sealedCount
        guard count > 0 else { return SystemResult(0) }
        unsafe room.engines.flow.pointee.sealedCount = 0
        var sent = 0
        if !link.holdsOutput {
            let result: SystemResult
            if isScripted {
                result = unsafe sendToScript(
                    link.descriptor, Span(_unsafeStart: UnsafePointer(room.engines.flow.pointee.sealed), count: count))
            } else {
                result = SystemResult(unsafe apus_send(link.descriptor, room.engines.flow.pointee.sealed, count))
            }
            if result.isReset { link.wasReset = true }
            if result.isFailure, !result.wouldBlock { return lost(&link, result.rawValue) }
            sent = max(0, result.rawValue)
        }
        return sent == count || keepSealed(&link, room, from: sent, count, &arena)
            ? SystemResult(0) : lost(&link, -Int(ENOMEM))
    }

    /// Something that was sealed does not go out: to the peer all that could follow would be no records.
    private mutating func lost(_ link: inout Link, _ result: Int) -> SystemResult {
        link.takesNoMore()
        return SystemResult(result)
    }

    private mutating func keepSealed(
        _ link: inout Link, _ room: EngineRoom, from sent: Int, _ count: Int, _ arena: inout BufferArena
    ) -> Bool {
        let before = room.kept[Int(link.engine)].output
        let total = before.count + count - sent
        guard let handle = arena.borrow(total) else { return false }
        if !before.isEmpty {
            arena.copy(from: before.handle, before.range, to: handle, at: 0)
            arena.giveBack(before.handle)
        }
        unsafe arena.start(of: handle, before.count..<total)
            .copyMemory(from: room.engines.flow.pointee.sealed + sent, byteCount: count - sent)
        room.kept[Int(link.engine)].output = Stretch(handle, 0..<total)
        link.holdsOutput = true
        return true
    }

    // MARK: - The end

    /// Tells the peer that nothing follows, if the engine can.
    mutating func sealEnd(_ link: inout Link, _ arena: inout BufferArena) {
        guard let room, !link.isPlain, !link.hasFailed else { return }
        room.clear()
        room.engines.finish(link.engine)
        _ = sendSealed(&link, room, &arena)
    }

    /// The link is about to be closed: its engine goes, and what is kept for it.
    mutating func unshield(_ link: inout Link, _ arena: inout BufferArena) {
        guard let room, !link.isPlain else { return }
        let kept = room.kept[Int(link.engine)]
        arena.giveBack(kept.input.handle)
        arena.giveBack(kept.output.handle)
        room.kept[Int(link.engine)] = Kept()
        room.engines.free(link.engine)
        link.forgetEngine()
    }
}

/// The engines of one loop, with the buffers that their bytes pass through.
@safe
final class EngineRoom {
    let engines: any LinkEngines
    /// By engine.
    var kept: [Links.Kept] = []
    let sealedInput: UnsafeMutablePointer<UInt8>
    /// Where small pieces become one record.
    let gathering: UnsafeMutablePointer<UInt8>
    /// Bytes of one record at most.
    let record = 16 << 10
    /// The engine that has given up in this call; -1 for none.
    var failed: Int32 = -1

    init(_ engines: any LinkEngines) {
        self.engines = engines
        unsafe sealedInput = .allocate(capacity: Links.sealedCapacity)
        unsafe sealedInput.initialize(repeating: 0, count: Links.sealedCapacity)
        unsafe gathering = .allocate(capacity: record)
    }

    deinit {
        unsafe sealedInput.deallocate()
        unsafe gathering.deallocate()
    }

    /// Nothing is on its way between two calls: what one link left is not for another.
    func clear() {
        unsafe engines.flow.pointee.receivedCount = 0
        unsafe engines.flow.pointee.sealedCount = 0
        unsafe engines.flow.pointee.wanted = 0
        failed = -1
    }

    /// Whether what was received last begins as a request in plain HTTP does: a method in capitals, and a blank.
    var receivedARequest: Bool {
        for at in 0..<16 {
            let byte = unsafe sealedInput[at]
            if byte == 0x20 { return at > 2 }
            guard byte >= 0x41, byte <= 0x5a else { return false }
        }
        return false
    }

    /// The same of a header of the PROXY protocol, of either version.
    var receivedAProxyHeader: Bool {
        let starts: [StaticString] = ["PROXY TCP", "PROXY UNK", "\r\n\r\n\0\r\nQUIT\n"]
        return starts.contains { start in
            (0..<start.utf8CodeUnitCount).allSatisfy { unsafe sealedInput[$0] == start.utf8Start[$0] }
        }
    }

    func makePlace(_ engine: Int) {
        while kept.count <= engine { kept.append(Links.Kept()) }
    }
}
