/// One attempt of a request: an endpoint, and a connection to it.
@frozen
public struct Attempt: Sendable, BitwiseCopyable {
    /// The connection, by the caller's name for it; -1 while there is none.
    public var connection: Int32 = -1
    /// The endpoint, as an index into the snapshot; -1 before the attempt begins.
    public var endpoint: Int32 = -1
    /// When the endpoint was chosen, in microseconds.
    public var admitted: Int64 = 0
    /// When the request was sent, or the connection was asked for, in microseconds.
    public var started: Int64 = 0
    /// The system accepted some of the request on the connection.
    public var wasSent = false
    /// The pool has been told how the attempt went.
    public var isJudged = false
    /// The endpoint's run of failures in which it was counted, because it takes long; 0 for none.
    public var overdueIn: UInt8 = 0

    @inlinable
    public init() {}

    @inlinable public var isUnderWay: Bool { connection >= 0 }
}
