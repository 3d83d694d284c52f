/// What an attempt came to, as its endpoint is judged by it.
///
/// With HTTP it follows from the response's status. Other protocols say it elsewhere (gRPC in a trailer), and an attempt
/// that is reset or refused has no status at all.
@frozen
public enum AttemptOutcome: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    /// The endpoint did its work, whatever was asked for.
    case served
    /// The endpoint answered that it failed: a 5xx other than those of `unavailable`.
    case failed
    /// It cannot work: it does not reach what it needs, or has too much to do (502, 503, 504), or says nothing.
    case unavailable

    @inlinable @inline(__always)
    public init(status: Int) {
        self = status < 500 ? .served : status >= 502 && status <= 504 ? .unavailable : .failed
    }
}
