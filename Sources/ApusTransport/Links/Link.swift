/// A connection as `Links` has it: its descriptor, what the system has said of it, and what stands between the two.
///
/// Plain bits that lie in the slot of the connection they belong to, so that one look fetches both. The descriptor is seen by
/// `Links` alone: everybody else hands the link to it.
@frozen
public struct Link: Sendable, Equatable, BitwiseCopyable {
    @usableFromInline let descriptor: Int32
    /// A bit for each of what is asked below; above them, from 1, the number of its engine.
    @usableFromInline var bits: UInt32 = 0

    @usableFromInline static var engineShift: UInt32 { 8 }
    /// Engines that there may be at one loop.
    @usableFromInline static var engineLimit: Int { 1 << 24 - 1 }

    @inlinable
    init(descriptor: Int32) { self.descriptor = descriptor }

    /// A link to nobody.
    @inlinable
    public init() { descriptor = -1 }

    @inlinable @inline(__always)
    func has(_ bit: UInt32) -> Bool { bits & bit != 0 }

    @inlinable @inline(__always)
    mutating func set(_ bit: UInt32, _ value: Bool) { bits = value ? bits | bit : bits & ~bit }

    /// Bytes may be waiting, at the socket or in its engine.
    @usableFromInline var hasBytes: Bool {
        @inlinable @inline(__always) get { has(1) }
        @inlinable @inline(__always) set { set(1, newValue) }
    }
    @usableFromInline var hasEnded: Bool {
        @inlinable @inline(__always) get { has(2) }
        @inlinable @inline(__always) set { set(2, newValue) }
    }
    @usableFromInline var hasFailed: Bool {
        @inlinable @inline(__always) get { has(4) }
        @inlinable @inline(__always) set { set(4, newValue) }
    }
    /// A send has told that it was reset, and the system tells that once: the end that a read finds then is none.
    @usableFromInline var wasReset: Bool {
        @inlinable @inline(__always) get { has(8) }
        @inlinable @inline(__always) set { set(8, newValue) }
    }
    /// Its engine holds bytes that were opened, or `Links` some that were received, and were not given out yet.
    var holdsInput: Bool {
        get { has(16) }
        set { set(16, newValue) }
    }
    /// Sealed bytes wait that the socket did not take.
    @usableFromInline var holdsOutput: Bool {
        @inlinable @inline(__always) get { has(32) }
        set { set(32, newValue) }
    }
    /// Its handshake is this side's to begin.
    var begins: Bool {
        get { has(64) }
        set { set(64, newValue) }
    }

    /// Its engine was made by rules that are no longer those of its listener, or it has none where one is needed now.
    public internal(set) var isOutdated: Bool {
        get { has(128) }
        set { set(128, newValue) }
    }

    /// The number of its engine; -1 for none.
    var engine: Int32 {
        get { Int32(bits >> Self.engineShift) - 1 }
        set { bits = bits & 0xff | UInt32(truncatingIfNeeded: newValue + 1) << Self.engineShift }
    }
    /// It is one without an engine from now on.
    mutating func forgetEngine() { bits &= 15 }

    /// Whether its bytes are those of the socket.
    @inlinable public var isPlain: Bool { bits >> Self.engineShift == 0 }

    /// Bytes may be waiting; no more after a read that took all there was.
    @inlinable public var isReadable: Bool { hasBytes }
    /// The peer has ended its direction, as the socket says; what it sent before is still to be read.
    @inlinable public var peerClosed: Bool { hasEnded }
    /// Reset, refused, or closed in both directions.
    @inlinable public var isBroken: Bool { hasFailed }
    /// Whether a read would find something: bytes, the peer's end, or why the link is broken.
    @inlinable public var mayBeRead: Bool { bits & 7 != 0 }
    /// What was sent has not all gone to the socket.
    @inlinable public var hasUnsent: Bool { holdsOutput }

    /// A send has failed: what the peer may have said before is still to be read.
    @inlinable
    public mutating func takesNoMore() { hasFailed = true }

    /// What its engine was made by is no longer asked for, or that it has none.
    public mutating func becomesOutdated() { isOutdated = true }

    /// What the poller reported.
    @inlinable @inline(__always)
    public mutating func note(_ event: Poller.Event) {
        if event.isReadable { hasBytes = true }
        if event.peerClosed { hasEnded = true }
        if event.isBroken { hasFailed = true }
    }
}
