import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// One request and its response, from the request's head to the response's last byte.
///
/// It refers to connections and is not one: a client connection has many exchanges one after the other, an exchange may
/// use several upstream connections until one answers. Plain bits in a slab.
struct Exchange: BitwiseCopyable {
    enum ResponsePhase: UInt8 {
        /// No final response head yet.
        case awaited
        /// The origin's final head has been forwarded, or Apus has answered itself.
        case begun
        /// All of it has been handed to the client's connection.
        case complete
    }

    private let clientIndex: Int32
    private var listenerIndex: Int32
    private var routeIndex: Int32 = -1
    /// Its stay in the pool that it was sent to, with the attempts that were made there.
    var visit = PoolVisit(pool: -1)

    var method = Method.other
    var version = Version.http11
    var request = BodyRelay(.none, isChunkedOut: false)
    var response = BodyRelay(.none, isChunkedOut: false)
    var responsePhase = ResponsePhase.awaited

    /// Which of its route's pools it was sent to: the place in `Route.pools`, whatever a fallback makes of it later.
    /// A split has 16 at most.
    var branch: UInt8 = 0
    /// Its route asks for no more than a pool: what `RouteSettings` says of it is what the listener says.
    var isPlain = true
    /// It counts among its route's requests in flight (`RouteLimits.requests`).
    var isCountedOnRoute = false

    private var sentStatus: UInt16 = 0
    /// Why Apus answered itself or broke the connection.
    var reason: Reason?
    /// The status is that of a response that Apus made.
    var answeredItself = false
    /// The client will take another response on its connection.
    var clientKeepsAlive = false
    /// Why the client's connection ends with this exchange, kept where that is decided; `.kept` while it goes on.
    var end = ConnectionEnd.kept
    /// The origin's connection may carry another exchange.
    var upstreamKeepsAlive = false
    /// The client holds its body back until the origin says 100 (Continue), and neither has moved since.
    var awaitsContinue = false
    /// Its request or response authenticates the origin's connection, or that is the client's own already.
    var isPersonal = false
    /// The origin has asked the client to authenticate its connection.
    var wasChallenged = false
    /// The response is a stream of events, which come when they come.
    var isEventStream = false
    /// What the request's body was cut short by; nothing more of it is forwarded.
    var requestWasAbandoned = false

    /// The lines that its route adds to the response, where they depend on the request.
    var responseLines = Stretch()
    /// The request as it was sent, its head and what of its body came along, until the first byte of a response.
    var replay = Stretch()
    /// None of the body has been let go other than what `replay` holds.
    var isReplayable = true
    /// The access log's draw passed it over.
    var isSampledOut = false
    /// Interim responses forwarded.
    var interimCount: UInt8 = 0
    /// Bytes of the body of an answer that Apus made.
    var answerBodyBytes: UInt32 = 0
    /// The hash of the application's session cookie, where Apus learns from it; 0 for none.
    var sessionHash: UInt64 = 0
    /// The next time at which something is due that the exchange waits for, and the tick of its entry in the fine wheel.
    var alarm = Int64.max
    var alarmTick = Int64.max

    /// What moves a large body past the process, and the bytes of it that are in there.
    var pipe = Pipe.none
    var pipeBytes = 0
    var pipeDirection = Worker.Direction.response

    let started: Int64
    /// When the response's head arrived; 0 before.
    var headReceived: Int64 = 0
    private var headByteCount: Int32 = 0
    /// Bytes sent to the client.
    var bytesSent: UInt64 = 0
    /// What the access log says of the request, written when it came.
    var note = Stretch()

    init(client: Int, listener: Int, started: Int64) {
        clientIndex = Int32(truncatingIfNeeded: client)
        listenerIndex = Int32(truncatingIfNeeded: listener)
        self.started = started
    }

    // Kept small, and used as what they are everywhere else.

    var client: Int { Int(clientIndex) }

    /// An index into the snapshot.
    var listener: Int {
        get { Int(listenerIndex) }
        set { listenerIndex = Int32(truncatingIfNeeded: newValue) }
    }

    /// An index into the snapshot; -1 while undecided.
    var route: Int {
        get { Int(routeIndex) }
        set { routeIndex = Int32(truncatingIfNeeded: newValue) }
    }

    /// An index into the snapshot; -1 while undecided.
    var pool: Int { visit.pool }

    /// The status sent to the client; 0 before.
    var status: Int {
        get { Int(sentStatus) }
        set { sentStatus = UInt16(truncatingIfNeeded: newValue) }
    }

    /// Bytes of the request's head.
    var headBytes: Int {
        get { Int(headByteCount) }
        set { headByteCount = Int32(truncatingIfNeeded: newValue) }
    }

    /// The leased connection; -1 while there is none.
    var upstream: Int {
        get { Int(visit.current.connection) }
        set { visit.current.connection = Int32(truncatingIfNeeded: newValue) }
    }

    /// The endpoint of the current attempt, as an index into the snapshot; -1 before the first.
    var endpoint: Int { Int(visit.current.endpoint) }

    /// What its visit asks of it.
    var visitRequest: PoolVisit.Request {
        PoolVisit.Request(isIdempotent: method.isIdempotent, isReplayable: isReplayable, isKept: !replay.isEmpty)
    }

    /// All of the request has been handed to the origin's connection.
    var requestWasForwarded: Bool { request.isComplete && !pipeHolds(.request) }

    /// The client's connection ends with this exchange.
    var closesClient: Bool { end != .kept }

    /// Nothing of the request is left to forward.
    var requestIsOver: Bool { requestWasForwarded || requestWasAbandoned }

    /// Bytes of that direction's body are in the pipe.
    func pipeHolds(_ direction: Worker.Direction) -> Bool { pipeBytes > 0 && pipeDirection == direction }
}
