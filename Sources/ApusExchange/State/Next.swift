public import ApusBalancing
public import ApusHTTP
public import ApusModel

/// What follows a fact about an exchange.
///
/// Whoever drives exchanges carries it out, and then what follows from that, until the exchange waits or is over. Nothing
/// else ends an exchange: a function that returns a `Next` leaves it where it was.
@frozen
public enum Next: Sendable {
    /// Nothing is decided: whoever brought the fact goes on with what it was doing.
    case goesOn
    /// Nothing is left to do until something else happens.
    case waits
    /// What the visit to its pool asks for.
    case visit(PoolVisit.Step)
    /// The current attempt, which had a connection, has come to nothing.
    case attemptFailed(AttemptFailure)
    /// Apus answers for that reason; where a response has begun, that response is broken off.
    case answer(Reason)
    /// Both connections end at once, the client's so that nobody takes what it got for the whole.
    case breakOff(Reason)
    /// The client has its response.
    case over

    /// Whether nothing is to be carried out.
    @inlinable @inline(__always)
    public var isQuiet: Bool {
        switch self {
        case .goesOn, .waits: true
        default: false
        }
    }
}

/// An attempt that came to nothing.
@frozen
public struct AttemptFailure: Sendable, Equatable {
    /// What it means for a retry.
    public var kind: RetryPolicy.Failure
    /// What the client is told if nothing else is tried.
    public var reason: Reason
    /// Whether it counts against the endpoint.
    public var blamesEndpoint = true
    /// Why no connection could be made, where that was its handshake.
    public var handshake: HandshakeFault?
    /// Whether the attempt beside it (hedging) has failed as well.
    public var endsBoth = false

    public init(_ kind: RetryPolicy.Failure, _ reason: Reason) {
        self.kind = kind
        self.reason = reason
    }

    /// How it failed, as its endpoint is judged by it.
    public var fault: AttemptFault {
        switch kind {
        case .responseHeadTimedOut, .tryTimedOut: .tooLate
        case .connectRefused, .connectTimedOut: .notConnected
        case .reusedConnectionDied, .freshConnectionDied, .badResponse, .status: .broke
        }
    }

    /// No connection could be made. What this machine lacks for one to an endpoint it may have for one to another: local
    /// ports are counted by the address that is connected to.
    public init(_ failure: ConnectFailure) {
        switch failure {
        case .timedOut: self.init(.connectTimedOut, .connectTimeout)
        case .handshakeTimedOut: self.init(.connectTimedOut, .tlsHandshakeTimeout)
        case .refused, .unreachable, .reset, .system: self.init(.connectRefused, .connectFailed)
        case .handshake(let fault):
            self.init(.connectRefused, Reason(fault))
            handshake = fault
        case .shortage(let shortage):
            let reason: Reason =
                switch shortage {
                case .ports: .portLimit
                case .descriptors: .descriptorLimit
                case .memory: .memoryLimit
                }
            self.init(.connectRefused, reason)
            blamesEndpoint = false
        }
    }
}

extension Reason {
    /// What a client is told of an origin's handshake.
    init(_ fault: HandshakeFault) {
        switch fault {
        case .certificate(.expired): self = .tlsCertificateExpired
        case .certificate(.unknownIssuer): self = .tlsUnknownIssuer
        case .certificate(.wrongName): self = .tlsWrongName
        case .certificate: self = .tlsBadCertificate
        case .refused, .nothingInCommon, .unknownName, .unknownProtocol, .plainHTTP, .proxyHeader, .noTLS, .broken,
            .left:
            self = .tlsHandshakeFailed
        }
    }
}
