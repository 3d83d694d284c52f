/// What an attempt came to, as its endpoint is judged by it.
///
/// With HTTP it follows from the response's status. Other protocols say it elsewhere (gRPC in a trailer), and an attempt
/// that is reset or refused has no status at all.
@frozen
public enum AttemptOutcome: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// The endpoint did its work, whatever was asked for: also where it says that nobody can ask for that (501, 505), which
    /// any client can provoke.
    case served
    /// The endpoint answered that it failed, or has too much to do: another 5xx than those of `unavailable`.
    case failed
    /// It cannot work: it does not reach what it needs (502, 504), or says nothing.
    case unavailable

    @inlinable @inline(__always)
    public init(status: Int) {
        self = status < 500 ? .served : Self(failedStatus: status)
    }

    @usableFromInline
    init(failedStatus status: Int) {
        switch status {
        case 501, 505: self = .served
        case 502, 504: self = .unavailable
        default: self = .failed
        }
    }
}

/// How an attempt failed that has no outcome: its endpoint gave no response.
@frozen
public enum AttemptFault: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// It could not be connected to, which endpoint health counts besides.
    case notConnected
    /// It closed or reset the connection, or sent what is not a response.
    case broke
    /// It was given up: nothing had come in time.
    case tooLate
}
