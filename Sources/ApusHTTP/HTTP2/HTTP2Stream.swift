/// A stream that somebody works for. One whose stream has been let go of means nothing any more, also where its slot is another's.
public struct StreamHandle: Sendable, Hashable, BitwiseCopyable {
    /// Where others may have tables beside the session's; it is another stream's when this one has been released.
    public let slot: Int
    public let id: UInt32
}

/// How a stream ended that is no more: what may still come for it differs.
struct EndedStream: Sendable, BitwiseCopyable {
    enum End: UInt8 { case properly, resetByPeer, resetHere }

    var id: UInt32
    var end: End
}

/// A stream of a connection (RFC 9113 section 5.1), from the first head on until neither end is to send, or one has reset it.
struct HTTP2Stream: Sendable, BitwiseCopyable {
    var id: UInt32
    /// Bytes that may be sent on it; a change of the settings may take it below zero.
    var sendWindow: Int32
    /// Bytes that the peer may send on it.
    var receiveWindow: Int32
    /// Bytes that were given out and have not gone on.
    var held: Int32 = 0
    /// Bytes that have gone on and were not granted anew.
    var consumed: Int32 = 0
    /// When it was opened, in milliseconds.
    var opened: UInt32
    /// Bytes of the body that are to come, by the head; -1 where it does not say.
    var expected: Int64 = -1
    /// The peer will send no more.
    var peerHasEnded = false
    /// This end will send no more.
    var hasEnded = false
    /// The peer has sent a final head.
    var hasHead = false
    /// One end has reset it: whoever works for it has to let go of it.
    var isReset = false
    var wasResetByPeer = false

    init(id: UInt32, sendWindow: Int32, receiveWindow: Int32, opened: UInt32) {
        self.id = id
        self.sendWindow = sendWindow
        self.receiveWindow = receiveWindow
        self.opened = opened
    }
}
