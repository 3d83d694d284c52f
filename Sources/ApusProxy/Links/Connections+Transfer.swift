import ApusTransport

/// Moving bytes between links and buffers, the same way for clients and origins.
///
/// Where a buffer is missing, nothing has happened but what the result says, and it can be asked again: `Proxy` does, when it
/// has taken memory back from others (`Proxy+Transfer.swift`).
extension Connections {
    enum Received {
        case bytes(Stretch)
        case nothing
        /// The peer has ended its direction.
        case ended
        case failed
        case noMemory
    }

    /// Goes on with the TLS handshake: 0 when it is over, in progress when its engine will wake it (`resume`).
    mutating func handshake(_ connection: Int, _ arena: inout BufferArena) -> SystemResult {
        links.handshake(&slab[connection].link, waking: slab.handle(connection).token, &arena)
    }

    /// What a connection's engine waited for is there, if there is still such a connection (`SlabHandle.token`).
    mutating func resume(_ token: UInt64) {
        if let connection = index(SlabHandle(token: token)) { makeReady(connection) }
    }

    /// Gives a client's connection its engine, which sees first what was received before.
    ///
    /// - Returns: false when there is no memory for it.
    mutating func shield(
        _ connection: Int, from context: Int32, after received: Stretch, _ arena: inout BufferArena
    ) -> Bool {
        !links.shield(&slab[connection].link, from: context).isFailure
            && links.hold(received, for: &slab[connection].link, &arena)
    }

    /// Sends what was appended on a new connection, before TLS if there is to be any.
    mutating func sendPlainly(_ connection: Int, _ arena: inout BufferArena) -> SystemResult {
        links.sendPlainly(to: &slab[connection].link, &arena)
    }

    /// Goes on without TLS, to say something that needs none.
    mutating func unshield(_ connection: Int, _ arena: inout BufferArena) {
        links.unshield(plainly: &slab[connection].link, &arena)
    }

    /// Bytes that were sent on the connection and that its socket has not taken.
    mutating func unsentCount(_ connection: Int) -> Int {
        slab[connection].output.count + (slab[connection].link.isPlain ? 0 : links.unsentCount(slab[connection].link))
    }

    /// Reads once: into the scratch buffer, or behind what the connection keeps.
    mutating func receive(_ connection: Int, _ arena: inout BufferArena) -> Received {
        guard slab[connection].input.isEmpty else { return receiveMore(connection, &arena) }
        let asked = BufferArena.inboundCapacity
        let result = links.receive(from: &slab[connection].link, into: .inbound, at: 0, count: asked, &arena)
        guard result.rawValue > 0 else { return nothingReceived(result) }
        return .bytes(Stretch(.inbound, 0..<result.rawValue))
    }

    private mutating func receiveMore(_ connection: Int, _ arena: inout BufferArena)
        -> Received
    {
        guard makeRoom(connection, &arena) else { return .noMemory }
        let input = slab[connection].input
        let asked = arena.capacity(of: input.handle) - Int(input.end)
        let result = links.receive(
            from: &slab[connection].link, into: input.handle, at: Int(input.end), count: asked, &arena)
        guard result.rawValue > 0 else { return nothingReceived(result) }
        slab[connection].input.end += Int32(result.rawValue)
        return .bytes(slab[connection].input)
    }

    private mutating func nothingReceived(_ result: SystemResult) -> Received {
        if result.rawValue == 0 { return .ended }
        return result.wouldBlock ? .nothing : result.isOutOfMemory ? .noMemory : .failed
    }

    /// Makes room behind the kept bytes, in their buffer or a larger one.
    private mutating func makeRoom(_ connection: Int, _ arena: inout BufferArena)
        -> Bool
    {
        let input = slab[connection].input
        let capacity = arena.capacity(of: input.handle)
        guard capacity - Int(input.end) < capacity / 4 else { return true }
        if input.count <= capacity / 2 {
            arena.move(input.handle, input.range, to: 0)
            slab[connection].input = Stretch(input.handle, 0..<input.count)
            return true
        }
        guard let larger = arena.borrow(capacity * 2) else { return false }
        arena.copy(from: input.handle, input.range, to: larger, at: 0)
        arena.giveBack(input.handle)
        slab[connection].input = Stretch(larger, 0..<input.count)
        return true
    }

    /// Keeps what is left of bytes just read for later, and only that.
    ///
    /// - Returns: false when there is no memory for it.
    mutating func keepInput(
        _ connection: Int, _ rest: Stretch, _ arena: inout BufferArena
    ) -> Bool {
        let input = slab[connection].input
        if rest.count == 0 {
            arena.giveBack(input.handle)
            slab[connection].input = Stretch()
        } else if rest.handle == input.handle {
            slab[connection].input = rest
        } else {
            guard let handle = arena.borrow(rest.count) else { return false }
            arena.copy(from: rest.handle, rest.range, to: handle, at: 0)
            slab[connection].input = Stretch(handle, 0..<rest.count)
        }
        return true
    }

    enum Sent {
        /// The link, or the connection's output buffer, has everything.
        case all
        case failed
        /// There is no buffer for what the socket did not take.
        case noMemory
        /// The system has no memory to send with. That breaks no connection, but no event would tell when there is some.
        case systemHasNoMemory
    }

    /// Sends what was appended to the arena; what the link does not take waits in the connection's output. What an engine has
    /// sealed and the socket not taken waits with the link: `hasUnsent` is true of both.
    mutating func flush(_ connection: Int, _ arena: inout BufferArena) -> Sent {
        let total = arena.sendCount
        guard total > 0 else { return .all }
        sentCount = 0
        guard !slab[connection].hasUnsent else { return queueAppended(on: connection, &arena) }
        let result = links.send(to: &slab[connection].link, &arena)
        if result.rawValue == total { return .all }
        if result.isFailure, !result.wouldBlock { return result.notSent }
        sentCount = max(0, result.rawValue)
        return queueAppended(on: connection, &arena)
    }

    /// Puts what was appended, without its first `sentCount` bytes, behind what the connection has to send.
    mutating func queueAppended(on connection: Int, _ arena: inout BufferArena) -> Sent {
        let waiting = slab[connection].output
        let count = arena.sendCount - sentCount
        guard let handle = arena.borrow(waiting.count + count) else { return .noMemory }
        if !waiting.isEmpty {
            arena.copy(from: waiting.handle, waiting.range, to: handle, at: 0)
            arena.giveBack(waiting.handle)
        }
        arena.copyUnsent(from: sentCount, to: handle, at: waiting.count)
        slab[connection].output = Stretch(handle, 0..<waiting.count + count)
        return .all
    }

    /// Sends what waits in the connection's output.
    ///
    /// - Returns: `all`, however much the socket took, or why it takes nothing.
    mutating func flushOutput(_ connection: Int, _ arena: inout BufferArena) -> Sent {
        let output = slab[connection].output
        guard !output.isEmpty else { return flushSealed(connection, &arena) }
        let result = links.send(to: &slab[connection].link, output.handle, output.range, &arena)
        if result.isFailure { return result.wouldBlock ? .all : result.notSent }
        if result.rawValue == output.count {
            arena.giveBack(output.handle)
            slab[connection].output = Stretch()
        } else {
            slab[connection].output.start += Int32(result.rawValue)
        }
        return .all
    }

    /// Sends what was sealed and the socket did not take.
    private mutating func flushSealed(_ connection: Int, _ arena: inout BufferArena) -> Sent {
        let result = links.flush(&slab[connection].link, &arena)
        return result.isFailure ? result.notSent : .all
    }

    /// Sends a request that is kept for another attempt, on a connection on which nothing waits; what the socket does not
    /// take waits in the connection's output. `sentCount` says how much it took.
    mutating func sendKept(_ kept: Stretch, to connection: Int, _ arena: inout BufferArena) -> Sent {
        let result = links.send(to: &slab[connection].link, kept.handle, kept.range, &arena)
        guard !result.isFailure || result.wouldBlock else { return result.notSent }
        sentCount = max(0, result.rawValue)
        return sentCount < kept.count ? queueKept(kept, on: connection, &arena) : .all
    }

    /// Puts what is kept, without its first `sentCount` bytes, where it waits to be sent.
    mutating func queueKept(_ kept: Stretch, on connection: Int, _ arena: inout BufferArena) -> Sent {
        let rest = kept.rest(from: Int(kept.start) + sentCount)
        guard let handle = arena.borrow(rest.count) else { return .noMemory }
        arena.copy(from: rest.handle, rest.range, to: handle, at: 0)
        slab[connection].output = Stretch(handle, 0..<rest.count)
        return .all
    }

    /// Whether nothing has come on a connection on which nothing was asked. What a link says may be read is a hint: a read
    /// says it.
    mutating func isSilent(_ connection: Int, _ arena: inout BufferArena) -> Bool {
        guard slab[connection].mayBeRead else { return true }
        guard slab[connection].input.isEmpty, case .nothing = receive(connection, &arena) else { return false }
        return true
    }

    /// Moves bytes from the connection into the pipe.
    mutating func fill(_ pipe: Pipe, from connection: Int, _ count: Int) -> SystemResult {
        links.fill(pipe, from: &slab[connection].link, count)
    }

    /// Moves bytes from the pipe to the connection.
    mutating func empty(_ pipe: Pipe, to connection: Int, _ count: Int) -> SystemResult {
        links.empty(pipe, to: &slab[connection].link, count)
    }

    /// Sends no more on the connection; the peer learns of it.
    mutating func finish(_ connection: Int, _ arena: inout BufferArena) {
        links.finish(&slab[connection].link, &arena)
    }

    /// Closes the connection, and gives back what it has of buffers.
    mutating func close(_ connection: Int, _ arena: inout BufferArena) {
        giveBackBuffers(connection, &arena)
        links.close(&slab[connection].link, &arena)
        slab.remove(connection)
    }

    /// The same with a reset: what was sent is not to be taken for all there was to send.
    mutating func reset(_ connection: Int, _ arena: inout BufferArena) {
        giveBackBuffers(connection, &arena)
        links.reset(&slab[connection].link, &arena)
        slab.remove(connection)
    }

    private mutating func giveBackBuffers(_ connection: Int, _ arena: inout BufferArena) {
        arena.giveBack(slab[connection].input.handle)
        arena.giveBack(slab[connection].output.handle)
    }
}

extension SystemResult {
    /// What a send came to that failed, and not because it would have had to wait.
    fileprivate var notSent: Connections.Sent { isOutOfMemory ? .systemHasNoMemory : .failed }
}
