#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Why a probe, or a request's attempt to connect, failed; its description is what logs, metrics and people read.
public enum CheckFailure: Sendable, Hashable {
    case connectionRefused
    case connectTimedOut
    case unreachable
    /// The connection was reset before an answer.
    case connectionReset
    /// The connection was closed before an answer.
    case connectionClosed
    /// No answer within the health check's time-out.
    case timedOut
    /// An answer with a status outside 200...399.
    case status(Int)
    /// An answer that is not HTTP.
    case malformedResponse
    /// Any other error of the system.
    case system(errno: Int32)

    /// The failure that the system reported for a connection.
    public init(errno: Int32) {
        switch errno {
        case ECONNREFUSED: self = .connectionRefused
        case ETIMEDOUT: self = .connectTimedOut
        case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN: self = .unreachable
        case ECONNRESET, EPIPE: self = .connectionReset
        default: self = .system(errno: errno)
        }
    }
}

extension CheckFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .connectionRefused: "connection refused"
        case .connectTimedOut: "connect timed out"
        case .unreachable: "unreachable"
        case .connectionReset: "connection reset"
        case .connectionClosed: "connection closed"
        case .timedOut: "timed out"
        case .status(let status): "status \(status)"
        case .malformedResponse: "malformed response"
        case .system(let errno): "system error \(errno)"
        }
    }
}
