import ApusAddresses
internal import ApusModel
internal import Glibc

/// A TCP socket over IPv4, non-blocking underneath: whoever waits, waits in `poll` and no longer than a deadline.
///
/// All unsafe code of the kit is in this file. Calls may come from any thread; the descriptor is closed with the last
/// reference, so that no thread can be caught polling a number that has come to mean another socket.
public final class Socket: Sendable {
    let descriptor: Int32

    private init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_NONBLOCK | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw KitError.system(call: "socket", errno: errno) }
    }

    private init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}

// MARK: - Making one

extension Socket {
    /// Buffer sizes asked of the kernel; nil leaves its defaults, which grow with use.
    public struct Buffers: Sendable {
        public var receive: Int32?
        public var send: Int32?

        public init(receive: Int32? = nil, send: Int32? = nil) {
            self.receive = receive
            self.send = send
        }

        /// As small as the kernel allows: a peer that is not read from fills them at once.
        public static let tiny = Buffers(receive: 2048, send: 2048)
    }

    /// A socket bound to `address` (port 0: one that the system picks). Without `listen`, connecting to it is refused.
    static func bound(to address: SocketAddress, buffers: Buffers = Buffers()) throws -> Socket {
        let made = try Socket()
        made.set(SOL_SOCKET, SO_REUSEADDR, 1)
        made.apply(buffers)
        let result = unsafe withSystemAddress(address) { unsafe bind(made.descriptor, $0, $1) }
        guard result == 0 else { throw KitError.system(call: "bind", errno: errno) }
        return made
    }

    func startListening(backlog: Int32) throws {
        guard listen(descriptor, backlog) == 0 else { throw KitError.system(call: "listen", errno: errno) }
    }

    /// A socket connected to `address`.
    static func connected(
        to address: SocketAddress, from source: IPAddress? = nil, buffers: Buffers = Buffers(), by deadline: Deadline
    ) throws -> Socket {
        let made = try connecting(to: address, from: source, buffers: buffers)
        guard made.wait(for: Int16(POLLOUT), by: deadline) else { throw KitError.timedOut("connecting") }
        let failure = made.pendingError
        guard failure == 0 else { throw KitError.system(call: "connect", errno: failure) }
        return made
    }

    /// A socket whose connection to `address` has been begun.
    static func connecting(
        to address: SocketAddress, from source: IPAddress? = nil, buffers: Buffers = Buffers()
    ) throws -> Socket {
        let made: Socket
        if let source {
            made = try bound(to: SocketAddress(ip: source, port: 0), buffers: buffers)
        } else {
            made = try Socket()
            made.apply(buffers)
        }
        try made.beginConnecting(to: address)
        return made
    }

    /// A socket that has its descriptor and nothing else yet.
    static func unconnected() throws -> Socket { try Socket() }

    func beginConnecting(to address: SocketAddress) throws {
        // What a script sends in one piece leaves in one piece, and at once.
        set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        let result = unsafe withSystemAddress(address) { unsafe connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else { throw KitError.system(call: "connect", errno: errno) }
    }

    /// The next connection, or nil once `close` has been called.
    func accept(by deadline: Deadline = .never) throws -> Socket? {
        while true {
            guard wait(for: Int16(POLLIN), by: deadline) else { throw KitError.timedOut("accepting") }
            let accepted = Glibc.accept(descriptor, nil, nil)
            if accepted >= 0 {
                _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
                _ = fcntl(accepted, F_SETFD, FD_CLOEXEC)
                let made = Socket(adopting: accepted)
                made.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
                return made
            }
            switch errno {
            case EAGAIN, ECONNABORTED, EINTR: continue
            case EINVAL: return nil
            // A test that takes the descriptors away means the proxy; the origin waits until there are some again.
            case EMFILE: shortRest()
            default: throw KitError.system(call: "accept", errno: errno)
            }
        }
    }

    /// Where this socket is bound.
    var localAddress: SocketAddress {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = unsafe withUnsafeMutablePointer(to: &address) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return SocketAddress(
            ip: IPAddress(ipv4: UInt32(bigEndian: address.sin_addr.s_addr)), port: UInt16(bigEndian: address.sin_port))
    }
}

// MARK: - Bytes

extension Socket {
    /// What one read came to.
    enum ReadResult {
        case bytes([UInt8])
        /// The peer has closed its side (FIN).
        case closed
        /// The peer has broken the connection (RST).
        case reset
        case timedOut
    }

    /// Reads what is there, waiting for the first byte.
    func read(upTo limit: Int = 65_536, by deadline: Deadline) throws -> ReadResult {
        while true {
            guard wait(for: Int16(POLLIN), by: deadline) else { return .timedOut }
            var count = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, initialized in
                count = unsafe recv(descriptor, buffer.baseAddress, limit, 0)
                initialized = max(count, 0)
            }
            if count > 0 { return .bytes(bytes) }
            if count == 0 { return .closed }
            switch errno {
            case EAGAIN, EINTR: continue
            case ECONNRESET, EPIPE, ENOTCONN: return .reset
            default: throw KitError.system(call: "recv", errno: errno)
            }
        }
    }

    /// Sends all of `bytes`.
    func write(_ bytes: [UInt8], by deadline: Deadline) throws {
        var sent = 0
        while sent < bytes.count {
            sent += try writeSome(bytes[sent...], by: deadline)
        }
    }

    /// Sends what the kernel takes of `bytes`, waiting until it takes some.
    func writeSome(_ bytes: ArraySlice<UInt8>, by deadline: Deadline) throws -> Int {
        while true {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: guard wait(for: Int16(POLLOUT), by: deadline) else { throw KitError.timedOut("sending") }
            case ECONNRESET, EPIPE: throw KitError.peerGone
            default: throw KitError.system(call: "send", errno: errno)
            }
        }
    }
}

// MARK: - Endings

extension Socket {
    /// Closes the sending side (FIN); the peer can still send.
    func endSending() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Closes both sides, and stops a listener; wakes every thread that waits on this socket.
    func end() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// Breaks the connection (RST); wakes every thread that waits on this socket.
    func reset() {
        unsafe withUnsafeBytes(of: linger(l_onoff: 1, l_linger: 0)) {
            _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, $0.baseAddress, socklen_t($0.count))
        }
        // Disconnecting rather than closing: the descriptor stays ours while another thread may be waiting on it.
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        unsafe connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// Waits until `events`, a hang-up or an error is there; false when the deadline came first.
    func wait(for events: Int16, by deadline: Deadline) -> Bool {
        var interest = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let ready = unsafe poll(&interest, 1, deadline.pollTimeout)
            if ready > 0 { return true }
            if ready == 0 && deadline.hasPassed { return false }
        }
    }

    /// Whether a connection that has been begun stands by `deadline`.
    func isConnected(by deadline: Deadline) -> Bool {
        wait(for: Int16(POLLOUT), by: deadline) && pendingError == 0
    }

    private var pendingError: Int32 {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length)
        return value
    }

    private func apply(_ buffers: Buffers) {
        if let receive = buffers.receive { set(SOL_SOCKET, SO_RCVBUF, receive) }
        if let send = buffers.send { set(SOL_SOCKET, SO_SNDBUF, send) }
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

private func withSystemAddress(
    _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
) -> Int32 {
    precondition(address.ip.isIPv4, "the kit speaks IPv4 only")
    var system = sockaddr_in()
    system.sin_family = sa_family_t(AF_INET)
    system.sin_port = address.port.bigEndian
    system.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.ip.low).bigEndian
    return unsafe withUnsafePointer(to: system) {
        unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}

/// A millisecond's rest between two looks at something that does not announce its changes.
func shortRest() {
    poll(nil, 0, 1)
}

/// Rests: for scripts that are to be slow, never to wait for something.
public func rest(_ time: Duration) {
    poll(nil, 0, Int32(time / .milliseconds(1)))
}

// MARK: - Threads

/// Runs `body` on a thread of its own. Scripts block, and must not block the threads that run the tests.
public func onThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = unsafe Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    let result = unsafe pthread_create(
        &thread, nil,
        { argument in
            unsafe Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, box)
    precondition(result == 0, "no thread: error \(result)")
    pthread_detach(thread)
}

private final class ThreadBody {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
