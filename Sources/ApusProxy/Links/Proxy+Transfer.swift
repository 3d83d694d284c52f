import ApusTransport

/// Moving bytes, where a buffer may be missing: what `Connections` does, asked once more when memory has been taken back
/// from others (`reclaim`).
extension Proxy {
    @inline(__always)
    mutating func receive(_ connection: Int, _ arena: inout BufferArena) -> Connections.Received {
        let received = connections.receive(connection, &arena)
        guard case .noMemory = received, reclaim(for: connection, &arena) else { return received }
        return connections.receive(connection, &arena)
    }

    @inline(__always)
    mutating func keepInput(_ connection: Int, _ rest: Stretch, _ arena: inout BufferArena) -> Bool {
        connections.keepInput(connection, rest, &arena)
            || reclaim(for: connection, &arena) && connections.keepInput(connection, rest, &arena)
    }

    @inline(__always)
    mutating func flush(_ connection: Int, _ arena: inout BufferArena) -> Connections.Sent {
        let result = connections.flush(connection, &arena)
        guard case .noMemory = result, reclaim(for: connection, &arena) else { return result }
        return connections.queueAppended(on: connection, &arena)
    }

    /// - Parameter owner: the client's connection, which keeps what it has.
    @inline(__always)
    mutating func sendKept(
        _ kept: Stretch, to connection: Int, for owner: Int, _ arena: inout BufferArena
    ) -> Connections.Sent {
        let result = connections.sendKept(kept, to: connection, &arena)
        guard case .noMemory = result, reclaim(for: owner, &arena) else { return result }
        return connections.queueKept(kept, on: connection, &arena)
    }

    /// A buffer for something of `connection`, which keeps what it has; nil when there is no memory to be had.
    @inline(__always)
    mutating func borrow(_ count: Int, for connection: Int, _ arena: inout BufferArena) -> BufferHandle? {
        arena.borrow(count) ?? (reclaim(for: connection, &arena) ? arena.borrow(count) : nil)
    }
}
