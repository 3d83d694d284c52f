#if canImport(Musl)
    internal import Musl
#else
    internal import Glibc
#endif

/// Why a connection to an endpoint could not be made: a cause, whatever layer of the connection told it.
public enum ConnectFailure: Sendable, Hashable {
    case refused
    case timedOut
    /// There is no way to the endpoint.
    case unreachable
    /// It was reset before it could be used.
    case reset
    /// There was a connection, and its TLS handshake failed.
    case handshake(HandshakeFault)
    /// There was a connection, and its TLS handshake was not over in time.
    case handshakeTimedOut
    /// This machine lacks something: the endpoint has nothing to do with it.
    case shortage(Shortage)
    /// Any other error of the system.
    case system(errno: Int32)

    /// The failure that the system reported.
    public init(errno: Int32) {
        switch errno {
        case ECONNREFUSED: self = .refused
        case ETIMEDOUT: self = .timedOut
        case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN: self = .unreachable
        case ECONNRESET, EPIPE: self = .reset
        case EADDRNOTAVAIL, EADDRINUSE: self = .shortage(.ports)
        case EMFILE, ENFILE: self = .shortage(.descriptors)
        case ENOMEM, ENOBUFS: self = .shortage(.memory)
        default: self = .system(errno: errno)
        }
    }
}

/// What this machine can lack for a connection. None of it says anything about the endpoint.
public enum Shortage: Sendable, Hashable, BitwiseCopyable, CaseIterable, CustomStringConvertible {
    /// All local ports towards the endpoint's address are in use, or there is no local address that leads there.
    case ports
    /// File descriptors, of the process or of the system.
    case descriptors
    /// Memory of the system.
    case memory

    public var description: String {
        switch self {
        case .ports: "no local port left"
        case .descriptors: "no file descriptor left"
        case .memory: "no memory left"
        }
    }
}
