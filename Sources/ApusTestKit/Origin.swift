public import ApusAddresses
import ApusModel

/// Something with an address that a proxy can be pointed at.
public protocol Addressed: Sendable {
    var address: SocketAddress { get }
}

/// A scripted origin server on a loopback port of its own: one thread accepts, and one runs the script for each
/// connection.
///
/// What it saw is recorded: how many connections, every byte, every request. A script that throws shows in `failures`.
/// A connection is closed in good order when its script returns. Ends with the last reference.
public final class Origin: Addressed, Sendable {
    public typealias Script = @Sendable (Connection) throws -> Void

    /// What an origin has seen.
    public struct Record: Sendable, CustomStringConvertible {
        /// Connections accepted.
        public var connections = 0
        /// Connections whose script has ended.
        public var ended = 0
        /// Heads of requests, in the order of their arrival.
        public var heads: [Request] = []
        /// Requests that arrived whole.
        public var requests: [Request] = []
        /// What scripts threw.
        public var failures: [String] = []
        /// The first bytes of each connection.
        public var received: [[UInt8]] = []

        public var description: String {
            "\(connections) connections, \(ended) ended, \(requests.count) requests, failures \(failures), received "
                + received.map { printable($0.prefix(2048)) }.joined(separator: ", ")
        }
    }

    struct State {
        var record = Record()
        var listener: Socket?
        var open: [Int: Socket] = [:]
        var isAccepting = false
    }

    private static let bytesKept = 1 << 20

    public let address: SocketAddress
    /// Bound and never listening: the port stays ours while the origin is away.
    private let reservation: Socket
    private let script: Script
    private let buffers: Socket.Buffers
    private let state = Monitor(State())

    /// An origin that runs `script` for each connection.
    public init(
        at address: SocketAddress = .loopback(0), buffers: Socket.Buffers = Socket.Buffers(), _ script: @escaping Script
    ) throws {
        reservation = try Socket.bound(to: address)
        self.address = reservation.localAddress
        let listener = try Socket.bound(to: self.address, buffers: buffers)
        try listener.startListening(backlog: 1024)
        self.script = script
        self.buffers = buffers
        accept(on: listener)
    }

    /// An origin that answers each request of each connection with what `answer` makes of it.
    public convenience init(answering answer: @escaping @Sendable (Request) throws -> String) throws {
        try self.init { connection in
            while let request = try connection.readRequest() {
                try connection.send(try answer(request))
            }
        }
    }

    /// An origin that gives every request the same answer: by default 200 with the body `ok`.
    public convenience init(answer: String = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") throws {
        try self.init(answering: { _ in answer })
    }

    /// An origin that accepts connections, reads what comes and never answers.
    public static func silent() throws -> Origin {
        try Origin { connection in
            connection.patience = .seconds(60)
            while try connection.receiveMore() {}
        }
    }

    deinit { kill() }

    // MARK: What it saw

    public var record: Record { state.with { $0.record } }
    public var connections: Int { record.connections }
    public var requests: [Request] { record.requests }
    public var failures: [String] { record.failures }

    /// Waits until `condition` holds for what it has seen.
    @discardableResult
    public func wait(
        for what: String, by deadline: Deadline = .standard, until condition: (Record) throws -> Bool
    ) throws -> Record {
        do {
            return try state.wait(for: what, by: deadline) { try condition($0.record) }.record
        } catch KitError.timedOut {
            throw KitError.timedOut("waiting for \(what); origin saw \(record)")
        }
    }

    // MARK: Its end and return

    /// Stops accepting and closes every connection in good order.
    public func close() { end { $0.end() } }

    /// Dies: stops accepting and breaks every connection (RST).
    public func kill() { end { $0.reset() } }

    /// Breaks every open connection (RST) and goes on accepting.
    public func breakConnections() {
        for socket in state.with({ $0.open }).values { socket.reset() }
    }

    /// Closes every open connection in good order and goes on accepting.
    public func closeConnections() {
        for socket in state.with({ $0.open }).values { socket.end() }
    }

    /// Listens again, on the same port.
    public func reopen() throws {
        let listener = try Socket.bound(to: address, buffers: buffers)
        try listener.startListening(backlog: 1024)
        accept(on: listener)
    }

    private func end(_ finish: (Socket) -> Void) {
        let (listener, open) = state.with { state in
            defer { state.listener = nil }
            return (state.listener, Array(state.open.values))
        }
        listener?.end()
        // The port is free once the accepting thread has let go of the listener.
        _ = try? state.wait(for: "the origin to stop accepting") { !$0.isAccepting }
        open.forEach(finish)
    }

    // MARK: Threads

    private func accept(on listener: Socket) {
        state.with {
            $0.listener = listener
            $0.isAccepting = true
        }
        onThread { [state, script] in
            Origin.accept(on: listener, state, script)
        }
    }

    private static func accept(on socket: consuming Socket, _ state: Monitor<State>, _ script: @escaping Script) {
        while let accepted = try? socket.accept() {
            let number = state.with { state -> Int? in
                guard state.listener != nil else { return nil }
                defer { state.record.connections += 1 }
                state.open[state.record.connections] = accepted
                state.record.received.append([])
                return state.record.connections
            }
            guard let number else { continue }
            onThread { run(script, on: accepted, number: number, state) }
        }
        state.with { $0.isAccepting = false }
    }

    private static func run(_ script: Script, on socket: Socket, number: Int, _ state: Monitor<State>) {
        let connection = Connection(
            socket,
            observer: Connection.Observer(
                received: { bytes in
                    state.with {
                        let room = bytesKept - $0.record.received[number].count
                        $0.record.received[number] += bytes.prefix(max(0, room))
                    }
                },
                head: { head in state.with { $0.record.heads.append(head) } },
                request: { request in state.with { $0.record.requests.append(request) } }))
        do {
            try script(connection)
        } catch {
            state.with { $0.record.failures.append("\(error)") }
        }
        connection.closeGently()
        state.with {
            $0.open[number] = nil
            $0.record.ended += 1
        }
    }
}

extension SocketAddress {
    /// A port of 127.0.0.1.
    public static func loopback(_ port: UInt16) -> SocketAddress {
        SocketAddress(ip: .loopback(1), port: port)
    }
}

extension IPAddress {
    /// 127.0.0.`last`.
    public static func loopback(_ last: UInt8) -> IPAddress {
        IPAddress(ipv4: 0x7f00_0000 | UInt32(last))
    }
}
