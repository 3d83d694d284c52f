public import ApusHTTP
public import ApusModel

/// What is known of one request and its response: the pure half of an exchange. It has no connection, buffer or clock.
///
/// A fact goes in, and a `Next` comes out (ExchangeState+Facts). What is told later is kept where it is decided: why the
/// client's connection ends (`end`), whose fault a failed attempt was (`AttemptFailure`), how long Apus's own answer is
/// (`answerBodyBytes`).
@frozen
public struct ExchangeState: Sendable, BitwiseCopyable {
    @frozen
    public enum ResponsePhase: UInt8, Sendable, BitwiseCopyable {
        /// No final response head yet.
        case awaited
        /// The origin's final head has been forwarded.
        case begun
        /// All of it has been handed to the client's connection, or Apus has answered itself.
        case complete
    }

    /// Which of the two bodies.
    @frozen
    public enum Direction: UInt8, Sendable, BitwiseCopyable { case request, response }

    /// Its stay in the pool that it was sent to, with the attempts that were made there.
    public var visit = PoolVisit(pool: -1)
    public var method = Method.other
    public var version = Version.http11
    public var request = BodyRelay(.none, isChunkedOut: false)
    public var response = BodyRelay(.none, isChunkedOut: false)
    public var responsePhase = ResponsePhase.awaited
    /// How far it has come through its route's filters.
    public var filters = FilterPass()

    /// Bytes of a body that have been taken from one connection and not given to the other, and which body's.
    public var pipeBytes = 0
    public var pipeDirection = Direction.response

    @usableFromInline var sentStatus: UInt16 = 0
    /// Why Apus answered itself or broke the connection.
    public var reason: Reason?
    /// Why the client's connection ends with this exchange; `.kept` while it goes on.
    public var end = ConnectionEnd.kept
    /// The status is that of a response that Apus made.
    public var answeredItself = false
    /// A request has been read, as opposed to what was refused before it was one.
    public var hasHead = false
    /// The client will take another response on its connection.
    public var clientKeepsAlive = false
    /// The origin's connection may carry another exchange.
    public var upstreamKeepsAlive = false
    /// The client holds its body back until the origin says 100 (Continue), and neither has moved since.
    public var awaitsContinue = false
    /// Its request or response authenticates the origin's connection, or that is the client's own already.
    public var isPersonal = false
    /// The origin has asked the client to authenticate its connection.
    public var wasChallenged = false
    /// The request's body was cut short: nothing more of it is forwarded.
    public var requestWasAbandoned = false
    /// None of the body has been let go other than what is kept for another attempt.
    public var isReplayable = true
    /// Interim responses forwarded.
    public var interimCount: UInt8 = 0
    /// Bytes of the body of an answer that Apus made.
    public var answerBodyBytes: UInt32 = 0

    @inlinable
    public init() {}

    /// The status sent to the client; 0 before.
    @inlinable public var status: Int {
        get { Int(sentStatus) }
        set { sentStatus = UInt16(truncatingIfNeeded: newValue) }
    }

    /// Bytes of that direction's body are on their way, with neither side.
    @inlinable
    public func pipeHolds(_ direction: Direction) -> Bool { pipeBytes > 0 && pipeDirection == direction }

    /// All of the request has been handed to the origin's connection.
    @inlinable public var requestWasForwarded: Bool { request.isComplete && !pipeHolds(.request) }

    /// Nothing of the request is left to forward.
    @inlinable public var requestIsOver: Bool { requestWasForwarded || requestWasAbandoned }

    /// Where the client's next request would begin is unknown: this one was not read whole.
    @inlinable public var requestIsCut: Bool { !request.isComplete || requestWasAbandoned }

    /// Its method is idempotent, or its pool or route wants all methods tried again (`RetryRules.repeatsAll`).
    @inlinable public var isRepeatable: Bool { visit.repeatability != .never }

    /// Whether a second endpoint may be asked as well: nothing has come yet, all of the request was sent, and it does no harm to
    /// have it done twice, whatever `isRepeatable` says of one attempt after the other.
    @inlinable public var mayHedge: Bool {
        responsePhase == .awaited && requestIsOver && !isPersonal && method.isIdempotent
    }

    /// The client's connection ends with this exchange.
    @inlinable public var closesClient: Bool { end != .kept }

    /// Bytes of the response's body, without framing.
    @inlinable public var responseBodyBytes: UInt64 {
        answeredItself ? UInt64(answerBodyBytes) : response.byteCount
    }
}
