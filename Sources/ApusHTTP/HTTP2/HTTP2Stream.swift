/// A stream of a connection (RFC 9113 section 5.1), from the first head on until neither end is to send, or one has reset it.
struct HTTP2Stream: Sendable, BitwiseCopyable {
    var id: UInt32
    /// Bytes that may be sent on it; a change of the settings may take it below zero.
    var sendWindow: Int32
    /// Bytes that the peer may send on it.
    var receiveWindow: Int32
    /// Bytes that were passed on and not granted anew.
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
    /// This end has reset it, or has been told of its reset: whoever uses it has to let go of it.
    var isReset = false

    init(id: UInt32, sendWindow: Int32, receiveWindow: Int32, opened: UInt32) {
        self.id = id
        self.sendWindow = sendWindow
        self.receiveWindow = receiveWindow
        self.opened = opened
    }
}
