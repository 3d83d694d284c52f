public import CApusSystem

/// A peer's or an own address on the wire: 128 bits in host order, an IPv4 address in its mapped form, and a port.
@frozen
public struct WireAddress: Sendable, Equatable, BitwiseCopyable {
    public var high: UInt64
    public var low: UInt64
    public var port: UInt16

    @inlinable
    public init(high: UInt64, low: UInt64, port: UInt16) {
        self.high = high
        self.low = low
        self.port = port
    }

    @inlinable
    init(_ address: apus_address) { self.init(high: address.high, low: address.low, port: address.port) }

    @inlinable
    var c: apus_address { apus_address(high: high, low: low, port: port) }
}

/// A TCP socket: non-blocking, without Nagle's delay.
///
/// A value that names a descriptor and does not own it: whoever keeps it closes it, once. Outside of this module it is a
/// listening socket, which is bound before there are workers and handed to the next process; what workers do with sockets
/// they ask of `Links`.
@frozen
public struct Socket: Sendable, Equatable, BitwiseCopyable {
    public let descriptor: Int32

    @inlinable
    public init(descriptor: Int32) { self.descriptor = descriptor }

    /// Binds and listens, sharing the port with every other socket bound this way by the same user.
    public static func listen(_ address: WireAddress, backlog: Int32 = 4096) -> SystemResult {
        SystemResult(apus_listen(address.c, backlog))
    }

    /// Whether `listen` would be the first at this address. A port that listeners share can be shared with another
    /// process by mistake, and each would get a part of the connections.
    public static func isFree(_ address: WireAddress) -> SystemResult {
        SystemResult(apus_is_free(address.c))
    }

    static func reaches(_ address: WireAddress) -> Bool { apus_reaches(address.c) == 0 }

    /// Starts to connect. What the system refuses at once is the result; else the socket becomes writable when connected, broken when refused.
    ///
    /// - Parameter bound: a socket whose descriptor is not below it is as good as none (EMFILE).
    static func connect(_ address: WireAddress, below bound: Int32 = .max) -> SystemResult {
        SystemResult(apus_connect(address.c, bound))
    }

    /// The next connection that waits, with its peer.
    func accept(from peer: inout WireAddress) -> SystemResult {
        var address = apus_address()
        let result = unsafe apus_accept(descriptor, &address)
        peer = WireAddress(address)
        return SystemResult(result)
    }

    /// How many connections wait to be accepted by this listening socket.
    var acceptQueueLength: Int { Int(apus_accept_queue(descriptor)) }

    public var localAddress: WireAddress {
        var address = apus_address()
        _ = unsafe apus_local_address(descriptor, &address)
        return WireAddress(address)
    }

    /// Why the socket broke, as an errno; reading it clears it.
    var pendingError: Int32 { apus_socket_error(descriptor) }

    /// For how many milliseconds the peer has acknowledged nothing, although something was sent more than once; -1 when all
    /// is acknowledged, or may yet be.
    var silence: Int32 { apus_silence(descriptor) }

    /// Bytes that the peer has not acknowledged yet, those among them that were not sent yet; -1 where that is not known.
    var unacknowledged: Int32 { apus_unacknowledged(descriptor) }

    /// Ends the sending direction with FIN.
    func shutdownWriting() { _ = apus_shutdown_writing(descriptor) }

    /// Another descriptor of the same socket.
    public func duplicate() -> SystemResult { SystemResult(apus_duplicate(descriptor)) }

    public func close() { _ = CApusSystem.close(descriptor) }

    /// Has the close that follows send RST, so that the peer cannot take what it got for the whole.
    func resetOnClose() { apus_reset_on_close(descriptor) }
}
