import CApusSystem

/// The room of the bytes: everything that has a descriptor, and the clock of the turn.
///
/// The only one that sees a descriptor. It owns the poller, the pipes and the descriptor that is held back; the links
/// themselves lie in the slots of their connections and are handed to it. It knows bytes, and neither what they mean nor
/// whose they are. One per event loop, used by its thread alone.
///
/// In a test a `ScriptedNetwork` stands in for the system, the clocks included: the loop then runs without sockets, threads
/// or sleeps. Each operation looks once whether there is one.
///
/// All that is on the path of a request is `mutating`, whether it changes something or not: see `Proxy` in ApusProxy.
@safe
public struct Links: ~Copyable {
    /// Nil in every process that serves somebody.
    private let script: (any ScriptedNetwork)?
    /// Whether there is a script, as a byte: to look at a reference costs counting it.
    @usableFromInline let isScripted: Bool
    @usableFromInline let poller: Poller
    private var pipes: PipePool
    /// Descriptors from this one on are kept for others than the clients and origins of this loop.
    private let descriptorBound: Int32
    /// What stands between sockets and bytes, for those links that have it; nil where none has.
    var room: EngineRoom?
    /// A descriptor held back, so that there is one to accept and refuse with when all others are used up.
    private var spare: Int32
    /// The time of this turn of the loop, in microseconds.
    public private(set) var now: Int64

    /// - Parameters:
    ///   - pipeLimit: pipes that there may be at once.
    ///   - descriptorBound: descriptors from this one on are kept for others: neither a connection to an origin nor a pipe
    ///     gets one. The system gives the lowest that is free, so that those above stay free when all below are used up.
    ///   - script: what stands in for the system, in a test.
    /// - Throws: the errno with which the system refused a poller.
    public init(
        pipeLimit: Int, descriptorBound: Int32 = .max, script: (any ScriptedNetwork)? = nil
    ) throws(SystemError) {
        let poller: Poller
        if let script {
            poller = Poller(withoutSystem: ())
            spare = Int32(truncatingIfNeeded: script.openSpareDescriptor())
            now = script.monotonicMicroseconds
        } else {
            poller = try Poller()
            spare = ApusTransport.openSpareDescriptor()
            now = monotonicMicroseconds()
        }
        self.poller = poller
        self.script = script
        isScripted = script != nil
        self.descriptorBound = descriptorBound
        pipes = PipePool(limit: pipeLimit, descriptorBound: descriptorBound, script: script)
    }

    deinit {
        guard spare >= 0 else { return }
        if let script { script.close(spare) } else { Socket(descriptor: spare).close() }
    }

    private var network: any ScriptedNetwork {
        guard let script else { preconditionFailure("asked for a script that there is not") }
        return script
    }

    // MARK: - The turn

    /// Waits until something happens, at most `milliseconds` (-1: for ever), and begins a turn.
    ///
    /// - Returns: how many events can be read with `event(_:)`; none after a signal.
    public mutating func wait(milliseconds: Int32) -> Int {
        let count = isScripted ? waitForScript(milliseconds) : poller.wait(milliseconds: milliseconds)
        now = clock()
        return count
    }

    @inline(never)
    private mutating func waitForScript(_ milliseconds: Int32) -> Int {
        poller.take(network.wait(milliseconds: milliseconds, capacity: poller.capacity))
    }

    /// What happened, of those that `wait` counted.
    @inlinable @inline(__always)
    public mutating func event(_ index: Int) -> Poller.Event { poller[index] }

    /// What time it is; `now` stays what it is until the next turn.
    public mutating func clock() -> Int64 {
        isScripted ? network.monotonicMicroseconds : monotonicMicroseconds()
    }

    /// Microseconds since 1970, for logs and dates.
    public mutating func wallClock() -> Int64 {
        isScripted ? network.wallClockMicroseconds : wallClockMicroseconds()
    }

    /// Wakes the loop when somebody posts to the mailbox.
    public mutating func hear<Message>(_ mailbox: Mailbox<Message>, token: UInt64) -> SystemResult {
        if isScripted { return SystemResult(network.register(mailbox.descriptor, token: token, isLevel: true)) }
        return poller.addLevel(descriptor: mailbox.descriptor, token: token)
    }

    // MARK: - Listening sockets

    /// Reports at each turn that somebody waits at a listening socket.
    public mutating func listen(at listener: Socket, token: UInt64) -> SystemResult {
        if isScripted { return SystemResult(network.register(listener.descriptor, token: token, isLevel: true)) }
        return poller.addLevel(descriptor: listener.descriptor, token: token)
    }

    /// Says nothing more of a listening socket.
    public mutating func ignore(_ listener: Socket) {
        if isScripted { return network.unregister(listener.descriptor) }
        poller.remove(descriptor: listener.descriptor)
    }

    /// How many wait at a listening socket.
    public mutating func queueLength(at listener: Socket) -> Int {
        isScripted ? network.acceptQueueLength(listener.descriptor) : listener.acceptQueueLength
    }

    /// Says nothing more of a listening socket, and closes it.
    ///
    /// Another process or worker may have the socket too. Then closing does not end its registration, which would wake this
    /// loop again and again for clients that are not its own.
    public mutating func close(_ listener: Socket) {
        ignore(listener)
        close(listener.descriptor)
    }

    /// The next connection that waits at a listening socket.
    public mutating func accept(
        _ link: inout Link, at listener: Socket, peer: inout WireAddress
    ) -> SystemResult {
        let result =
            isScripted
            ? SystemResult(network.accept(from: listener.descriptor, peer: &peer)) : listener.accept(from: &peer)
        if !result.isFailure { link = Link(descriptor: Int32(truncatingIfNeeded: result.rawValue)) }
        return result
    }

    /// Whether a connection that was accepted has a descriptor that is kept for others: it can only be turned away.
    public func isBeyondBound(_ link: Link) -> Bool { link.descriptor >= descriptorBound && !isScripted }

    /// Gives a connection that was accepted, and is not registered yet, a descriptor that is not kept for others.
    ///
    /// - Returns: false when there is none; the link is as before then.
    public func moveBelowBound(_ link: inout Link) -> Bool {
        guard isBeyondBound(link) else { return true }
        let copy = Socket(descriptor: link.descriptor).duplicate()
        guard !copy.isFailure else { return false }
        let moved = Link(descriptor: Int32(truncatingIfNeeded: copy.rawValue))
        let isBelow = !isBeyondBound(moved)
        Socket(descriptor: isBelow ? link.descriptor : moved.descriptor).close()
        if isBelow { link = moved }
        return isBelow
    }

    // MARK: - The descriptor held back

    /// Lets go of the descriptor that is held back, so that there is one for something else.
    ///
    /// - Returns: false when there was none.
    public mutating func giveUpSpare() -> Bool {
        guard holdSpare() else { return false }
        close(spare)
        spare = -1
        return true
    }

    /// Has a descriptor held back.
    ///
    /// - Returns: false when there is none to be had.
    public mutating func holdSpare() -> Bool {
        if spare < 0 {
            spare =
                isScripted
                ? Int32(truncatingIfNeeded: network.openSpareDescriptor()) : ApusTransport.openSpareDescriptor()
        }
        return spare >= 0
    }

    // MARK: - Beginning and end of a link

    /// Begins to connect. What the system refuses at once is the result; else the link becomes writable when connected, broken when refused.
    public mutating func connect(_ link: inout Link, to address: WireAddress) -> SystemResult {
        let result =
            isScripted
            ? SystemResult(network.connect(to: address)) : Socket.connect(address, below: descriptorBound)
        if !result.isFailure { link = Link(descriptor: Int32(truncatingIfNeeded: result.rawValue)) }
        return result
    }

    /// Whether this machine has an address from which it could reach that one: without, the system says of a connection what
    /// it says where no local port is left.
    public mutating func reaches(_ address: WireAddress) -> Bool {
        isScripted ? network.reaches(address) : Socket.reaches(address)
    }

    /// Reports every change of the link, in both directions, once each.
    public mutating func register(_ link: Link, token: UInt64) -> Bool {
        if isScripted { return network.register(link.descriptor, token: token, isLevel: false) >= 0 }
        return !poller.add(Socket(descriptor: link.descriptor), token: token).isFailure
    }

    /// The address of this end.
    public mutating func localAddress(of link: Link) -> WireAddress {
        isScripted ? network.localAddress(link.descriptor) : Socket(descriptor: link.descriptor).localAddress
    }

    /// Why the link broke, as an errno; reading it clears it.
    public mutating func pendingError(of link: Link) -> Int32 {
        isScripted ? network.pendingError(link.descriptor) : Socket(descriptor: link.descriptor).pendingError
    }

    /// Bytes that were handed to the system and that the peer's machine has not acknowledged; nil where that is not known.
    public mutating func unacknowledged(_ link: Link) -> Int? {
        let count = isScripted ? -1 : Socket(descriptor: link.descriptor).unacknowledged
        return count < 0 ? nil : Int(count)
    }

    /// For how many microseconds the peer's machine has acknowledged nothing, although something was sent to it more than
    /// once; nil when all is acknowledged, or may yet be.
    public mutating func silence(of link: Link) -> Int64? {
        let milliseconds =
            isScripted ? network.silence(link.descriptor) : Socket(descriptor: link.descriptor).silence
        return milliseconds < 0 ? nil : Int64(milliseconds) * 1_000
    }

    /// Ends this side's direction with FIN.
    public mutating func finish(_ link: inout Link, _ arena: inout BufferArena) {
        if !link.isPlain { sealEnd(&link, &arena) }
        // What the socket did not take goes before the end, which comes when the link is closed.
        if link.holdsOutput { return }
        if isScripted {
            network.shutdownWriting(link.descriptor)
        } else {
            Socket(descriptor: link.descriptor).shutdownWriting()
        }
    }

    /// Ends the link, which is one to nobody from then on.
    public mutating func close(_ link: inout Link, _ arena: inout BufferArena) {
        if !link.isPlain {
            sealEnd(&link, &arena)
            unshield(&link, &arena)
        }
        close(link.descriptor)
        link = Link()
    }

    /// Ends the link with RST, so that the peer cannot take what it got for the whole.
    public mutating func reset(_ link: inout Link, _ arena: inout BufferArena) {
        unshield(&link, &arena)
        if isScripted {
            network.resetOnClose(link.descriptor)
        } else {
            Socket(descriptor: link.descriptor).resetOnClose()
        }
        close(link.descriptor)
        link = Link()
    }

    private mutating func close(_ descriptor: Int32) {
        if isScripted { network.close(descriptor) } else { Socket(descriptor: descriptor).close() }
    }

    // MARK: - Bytes

    /// Reads up to `count` bytes into `handle` at `offset`. Less than `count` has emptied the link.
    ///
    /// - Returns: how many bytes; 0 when the peer has ended its direction; a failure otherwise.
    @inlinable @inline(__always)
    public mutating func receive(
        from link: inout Link, into handle: BufferHandle, at offset: Int, count: Int, _ arena: inout BufferArena
    ) -> SystemResult {
        guard link.isPlain else { return receiveOpened(from: &link, into: handle, at: offset, count: count, &arena) }
        let result =
            isScripted
            ? receiveFromScript(link.descriptor, handle, offset, count, &arena)
            : arena.receive(from: link.descriptor, into: handle, at: offset, count: count)
        if result.rawValue < count { link.hasBytes = false }
        return result.rawValue > 0 ? result : nothing(result, link)
    }

    /// What a read that found nothing says of the link.
    @usableFromInline @inline(never)
    mutating func nothing(_ result: SystemResult, _ link: Link) -> SystemResult {
        result.rawValue == 0 && link.wasReset ? .reset : result
    }

    @usableFromInline @inline(never)
    mutating func receiveFromScript(
        _ descriptor: Int32, _ handle: BufferHandle, _ offset: Int, _ count: Int, _ arena: inout BufferArena
    ) -> SystemResult {
        var bytes = arena.mutableBytes(handle, offset..<offset + count)
        return receiveFromScript(descriptor, &bytes)
    }

    mutating func receiveFromScript(_ descriptor: Int32, _ bytes: inout MutableSpan<UInt8>) -> SystemResult {
        SystemResult(network.receive(from: descriptor, into: &bytes))
    }

    /// Sends what was appended to the arena.
    ///
    /// - Returns: how many bytes the link took, or why it took none.
    @inlinable @inline(__always)
    public mutating func send(to link: inout Link, _ arena: inout BufferArena) -> SystemResult {
        guard link.isPlain else { return sealAppended(to: &link, &arena) }
        let result = isScripted ? sendAppendedToScript(link.descriptor, &arena) : arena.send(to: link.descriptor)
        if result.isReset { link.wasReset = true }
        return result
    }

    /// Sends bytes that stand in one buffer.
    @inlinable @inline(__always)
    public mutating func send(
        to link: inout Link, _ handle: BufferHandle, _ range: Range<Int>, _ arena: inout BufferArena
    ) -> SystemResult {
        guard link.isPlain else { return seal(to: &link, handle, range, &arena) }
        let result =
            isScripted
            ? sendToScript(link.descriptor, arena.bytes(handle, range)) : arena.send(to: link.descriptor, handle, range)
        if result.isReset { link.wasReset = true }
        return result
    }

    /// Sends what was appended as it is on a new link, before the handshake where it has an engine.
    ///
    /// - Returns: how many bytes, which are all; a failure where the socket does not take all, which is for want of memory.
    public mutating func sendPlainly(to link: inout Link, _ arena: inout BufferArena) -> SystemResult {
        let count = arena.sendCount
        let result = isScripted ? sendAppendedToScript(link.descriptor, &arena) : arena.send(to: link.descriptor)
        if result.isReset { link.wasReset = true }
        return result.isFailure && !result.wouldBlock || result.rawValue == count ? result : SystemResult(-Int(ENOMEM))
    }

    @usableFromInline @inline(never)
    mutating func sendAppendedToScript(_ descriptor: Int32, _ arena: inout BufferArena) -> SystemResult {
        let bytes = arena.appended()
        return sendToScript(descriptor, bytes.span)
    }

    @usableFromInline @inline(never)
    mutating func sendToScript(_ descriptor: Int32, _ bytes: Span<UInt8>) -> SystemResult {
        SystemResult(network.send(bytes, to: descriptor))
    }

    // MARK: - Bytes that nobody looks at

    /// Pipes that there are, in use or kept.
    public var pipeCount: Int { mutating get { pipes.made } }

    /// An empty pipe; nil when there are enough, or the system has none.
    public mutating func takePipe() -> Pipe? { pipes.take() }

    /// Takes a pipe back. One that still holds bytes is closed.
    public mutating func giveBack(_ pipe: Pipe, isEmpty: Bool) { pipes.giveBack(pipe, isEmpty: isEmpty) }

    /// Moves up to `count` bytes from the link into the pipe: 0 when the peer has ended its direction.
    public mutating func fill(_ pipe: Pipe, from link: inout Link, _ count: Int) -> SystemResult {
        let count = min(count, PipePool.pipeCapacity)
        let result = splice(from: link.descriptor, to: pipe.writeEnd, count)
        guard result.rawValue <= 0 else { return result }
        link.hasBytes = false
        return nothing(result, link)
    }

    /// Moves up to `count` bytes that the pipe holds to the link.
    public mutating func empty(_ pipe: Pipe, to link: inout Link, _ count: Int) -> SystemResult {
        let result = splice(from: pipe.readEnd, to: link.descriptor, count)
        if result.isReset { link.wasReset = true }
        return result
    }

    private mutating func splice(from source: Int32, to target: Int32, _ count: Int) -> SystemResult {
        SystemResult(
            isScripted ? network.splice(from: source, to: target, count) : Int(apus_splice(source, target, count)))
    }
}
