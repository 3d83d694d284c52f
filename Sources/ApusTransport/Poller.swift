public import CApusSystem

/// An epoll instance: which descriptors have become ready, as the tokens they were registered with.
///
/// Used by one thread. A descriptor is registered once and leaves by being closed.
@safe
public struct Poller: ~Copyable {
    /// What happened to one descriptor.
    @frozen
    public struct Event: Sendable, BitwiseCopyable {
        public let token: UInt64
        @usableFromInline let flags: UInt32

        @inlinable
        init(token: UInt64, flags: UInt32) {
            self.token = token
            self.flags = flags
        }

        /// What a script reports.
        public init(
            token: UInt64, isReadable: Bool = false, isWritable: Bool = false, peerClosed: Bool = false,
            isBroken: Bool = false
        ) {
            self.token = token
            flags =
                (isReadable ? UInt32(APUS_READABLE) : 0) | (isWritable ? UInt32(APUS_WRITABLE) : 0)
                | (peerClosed ? UInt32(APUS_PEER_CLOSED) : 0) | (isBroken ? UInt32(APUS_BROKEN) : 0)
        }

        @inlinable public var isReadable: Bool { flags & UInt32(APUS_READABLE) != 0 }
        @inlinable public var isWritable: Bool { flags & UInt32(APUS_WRITABLE) != 0 }
        /// The peer has ended its sending direction, or the whole connection.
        @inlinable public var peerClosed: Bool { flags & UInt32(APUS_PEER_CLOSED) != 0 }
        /// The connection was refused, reset, or is closed in both directions.
        @inlinable public var isBroken: Bool { flags & UInt32(APUS_BROKEN) != 0 }
    }

    @usableFromInline let descriptor: Int32
    @usableFromInline let events: UnsafeMutableBufferPointer<epoll_event>

    private static var eventsPerTurn: Int { 64 }
    /// Events that one wait reports at most.
    var capacity: Int { unsafe events.count }

    /// - Throws: the errno with which the system refused.
    init() throws(SystemError) {
        let result = apus_epoll_create()
        guard result >= 0 else { throw SystemError(call: "epoll_create", errno: -result) }
        descriptor = result
        unsafe events = .allocate(capacity: Self.eventsPerTurn)
    }

    /// One that asks no system, and reports what it is given (`take`).
    init(withoutSystem: ()) {
        descriptor = -1
        unsafe events = .allocate(capacity: Self.eventsPerTurn)
    }

    deinit {
        if descriptor >= 0 { _ = close(descriptor) }
        unsafe events.deallocate()
    }

    /// Reports every change of `socket`, in both directions, once each (edge-triggered).
    func add(_ socket: Socket, token: UInt64) -> SystemResult {
        SystemResult(apus_epoll_add(descriptor, socket.descriptor, token))
    }

    /// Reports `descriptor` at each turn as long as it is readable (level-triggered).
    func addLevel(descriptor: Int32, token: UInt64) -> SystemResult {
        SystemResult(apus_epoll_add_level(self.descriptor, descriptor, token))
    }

    func remove(descriptor: Int32) { _ = apus_epoll_remove(self.descriptor, descriptor) }

    /// Waits until something is ready, at most `milliseconds` (-1: for ever).
    ///
    /// - Returns: how many events can be read from `self[0...]`; none after a signal.
    func wait(milliseconds: Int32) -> Int {
        let count = unsafe apus_epoll_wait(descriptor, events.baseAddress, Int32(events.count), milliseconds)
        return max(0, Int(count))
    }

    /// Has `self[0...]` be what a script reports.
    ///
    /// - Returns: how many events that are.
    func take(_ reported: [Event]) -> Int {
        precondition(reported.count <= capacity)
        for (index, event) in reported.enumerated() {
            unsafe apus_set_event(&events[index], event.token, event.flags)
        }
        return reported.count
    }

    @inlinable
    subscript(index: Int) -> Event {
        precondition(unsafe index >= 0 && index < events.count)
        // Within the buffer, and written by the last wait for every index below its count.
        let event = unsafe events.baseAddress.unsafelyUnwrapped + index
        return unsafe Event(token: apus_event_token(event), flags: apus_event_flags(event))
    }
}

/// A system call that failed where nothing can be done about it.
public struct SystemError: Error, Equatable, Sendable {
    public let call: String
    public let errno: Int32

    public init(call: String, errno: Int32) {
        self.call = call
        self.errno = errno
    }
}
