public import ApusAddresses
import ApusModel
import ApusTransport

/// A listening socket that another process has bound: the one that this one replaces, or the service manager.
public struct InheritedListener: Sendable, Hashable {
    /// Owned by whoever is given it.
    public var descriptor: Int32
    /// What it is bound to.
    public var address: SocketAddress

    public init(descriptor: Int32, address: SocketAddress) {
        self.descriptor = descriptor
        self.address = address
    }
}

/// The sockets on which the workers of a data plane accept: for each listener at least one per worker.
struct ListeningSockets {
    /// By worker.
    private(set) var sockets: [[ListeningSocket]]
    /// What was inherited and nobody has asked for yet.
    private var inherited: [InheritedListener]
    /// What this process has bound: its sockets share their ports, and one address may lie within another.
    private var own: [SocketAddress]

    /// - Parameter own: what this process has bound before.
    init(workers: Int, inheriting inherited: [InheritedListener] = [], besides own: [SocketAddress] = []) {
        sockets = Array(repeating: [], count: workers)
        self.inherited = inherited
        self.own = own + inherited.map(\.address)
    }

    /// Binds `address` once per worker, taking inherited sockets where there are some. Where the system chooses the port,
    /// the first worker's choice is everybody's.
    ///
    /// - Returns: where it is bound. On an error what was bound before is still there: `closeAll`.
    mutating func bind(_ address: SocketAddress, listener: Int) throws(DataPlaneError) -> SocketAddress {
        let given = takeInherited(address)
        if given.isEmpty, address.port != 0, !own.contains(where: { $0.overlaps(address) }) {
            let result = Socket.isFree(WireAddress(address))
            if result.isFailure { throw .bind(address, errno: result.errno) }
        }
        // More than there are workers: none may be left without someone who accepts.
        for (number, socket) in given.enumerated() {
            sockets[number % sockets.count].append(ListeningSocket(socket: socket, listener: listener))
        }
        var bound = address
        for worker in sockets.indices.dropFirst(given.count) {
            let result = Socket.listen(WireAddress(bound))
            let socket: Socket
            if !result.isFailure {
                socket = Socket(descriptor: Int32(truncatingIfNeeded: result.rawValue))
            } else if let shared = given.first {
                // Bound by another user, or without sharing the port: all workers accept from the same one.
                let copy = shared.duplicate()
                guard !copy.isFailure else { throw .system(call: "dup", errno: copy.errno) }
                socket = Socket(descriptor: Int32(truncatingIfNeeded: copy.rawValue))
            } else {
                throw .bind(address, errno: result.errno)
            }
            sockets[worker].append(ListeningSocket(socket: socket, listener: listener))
            bound = SocketAddress(ip: address.ip, port: socket.localAddress.port)
        }
        own.append(bound)
        return bound
    }

    private mutating func takeInherited(_ address: SocketAddress) -> [Socket] {
        let own = inherited.filter { $0.address == address }
        inherited.removeAll { $0.address == address }
        return own.map { Socket(descriptor: $0.descriptor) }
    }

    /// Closes what was inherited and is no listener's.
    mutating func closeUnclaimed() {
        for listener in inherited { Socket(descriptor: listener.descriptor).close() }
        inherited = []
    }

    func closeAll() {
        for socket in sockets.joined() { socket.socket.close() }
    }
}
