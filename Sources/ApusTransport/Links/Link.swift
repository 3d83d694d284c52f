/// A connection as `Links` has it: its descriptor, and what the system has said of it.
///
/// Plain bits that lie in the slot of the connection they belong to, so that one look fetches both. The descriptor is seen by
/// `Links` alone: everybody else hands the link to it.
@frozen
public struct Link: Sendable, Equatable, BitwiseCopyable {
    @usableFromInline let descriptor: Int32
    /// Bytes may be waiting; cleared by a read that took all there was.
    public var isReadable = false
    /// The peer has ended its direction: reading goes on until it says so.
    public var peerClosed = false
    /// Reset, refused, or closed in both directions.
    public var isBroken = false
    /// A send has told that it was reset, and the system tells that once: the end that a read finds then is none.
    @usableFromInline var wasReset = false

    @inlinable
    init(descriptor: Int32) { self.descriptor = descriptor }

    /// A link to nobody.
    @inlinable
    public init() { descriptor = -1 }

    /// Whether a read would find something: bytes, the peer's end, or why the link is broken.
    @inlinable public var mayBeRead: Bool { isReadable || peerClosed || isBroken }

    /// What the poller reported.
    @inlinable @inline(__always)
    public mutating func note(_ event: Poller.Event) {
        if event.isReadable { isReadable = true }
        if event.peerClosed { peerClosed = true }
        if event.isBroken { isBroken = true }
    }
}
