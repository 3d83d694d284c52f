/// A connection as `Links` has it: its descriptor, and what the system has said of it.
///
/// Plain bits that lie in the slot of the connection they belong to, so that one look fetches both. The descriptor is seen by
/// `Links` alone: everybody else hands the link to it.
@frozen
public struct Link: Sendable, Equatable, BitwiseCopyable {
    @usableFromInline let descriptor: Int32
    @usableFromInline var hasBytes = false
    @usableFromInline var hasEnded = false
    @usableFromInline var hasFailed = false
    /// A send has told that it was reset, and the system tells that once: the end that a read finds then is none.
    @usableFromInline var wasReset = false

    @inlinable
    init(descriptor: Int32) { self.descriptor = descriptor }

    /// A link to nobody.
    @inlinable
    public init() { descriptor = -1 }

    /// Bytes may be waiting; no more after a read that took all there was.
    @inlinable public var isReadable: Bool { hasBytes }
    /// The peer has ended its direction, as the socket says; what it sent before is still to be read.
    @inlinable public var peerClosed: Bool { hasEnded }
    /// Reset, refused, or closed in both directions.
    @inlinable public var isBroken: Bool { hasFailed }
    /// Whether a read would find something: bytes, the peer's end, or why the link is broken.
    @inlinable public var mayBeRead: Bool { hasBytes || hasEnded || hasFailed }

    /// A send has failed: what the peer may have said before is still to be read.
    @inlinable
    public mutating func takesNoMore() { hasFailed = true }

    /// What the poller reported.
    @inlinable @inline(__always)
    public mutating func note(_ event: Poller.Event) {
        if event.isReadable { hasBytes = true }
        if event.peerClosed { hasEnded = true }
        if event.isBroken { hasFailed = true }
    }
}
