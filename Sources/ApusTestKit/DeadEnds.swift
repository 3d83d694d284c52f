public import ApusAddresses
import ApusModel

/// A port on which every connection is refused, and which no one else can take meanwhile.
public struct RefusingPort: Addressed, Sendable {
    public let address: SocketAddress
    private let socket: Socket

    public init() throws {
        socket = try Socket.bound(to: .loopback(0))
        address = socket.localAddress
    }
}

/// An address that answers no attempt to connect: it listens, its queue of unaccepted connections is full, and so the
/// kernel drops every further SYN.
public struct BlackHole: Addressed, Sendable {
    public let address: SocketAddress
    private let listener: Socket
    private let fillers: [Socket]

    public init() throws {
        listener = try Socket.bound(to: .loopback(0))
        try listener.startListening(backlog: 0)
        address = listener.localAddress
        var fillers: [Socket] = []
        var isFull = false
        while !isFull {
            let filler = try Socket.connecting(to: address)
            // On loopback an attempt that succeeds has done so before `connect` returns; the wait is for certainty.
            isFull = !filler.isConnected(by: .after(.milliseconds(50)))
            fillers.append(filler)
        }
        self.fillers = fillers
    }
}
