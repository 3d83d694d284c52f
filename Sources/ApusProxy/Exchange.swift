import ApusBalancing
import ApusHTTP
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

    let client: Int
    /// The leased connection; -1 while there is none.
    var upstream = -1
    let listener: Int
    /// Indices into the snapshot; -1 while undecided.
    var route = -1
    var pool = -1
    var endpoint = -1

    var method = Method.other
    var version = Version.http11
    var request = BodyRelay(.none, isChunkedOut: false)
    var response = BodyRelay(.none, isChunkedOut: false)
    var responsePhase = ResponsePhase.awaited

    /// The status sent to the client; 0 before.
    var status = 0
    /// Why Apus answered itself or broke the connection.
    var reason: Reason?
    /// The client will take another response on its connection.
    var clientKeepsAlive = false
    /// The client's connection ends with this exchange.
    var closesClient = false
    /// The origin's connection may carry another exchange.
    var upstreamKeepsAlive = false
    /// The client holds its body back until the origin says 100 (Continue), and neither has moved since.
    var awaitsContinue = false
    /// What the request's body was cut short by; nothing more of it is forwarded.
    var requestWasAbandoned = false

    /// The request as it was sent, its head and what of its body came along, until the first byte of a response.
    var replay = Stretch()
    /// None of the body has been let go other than what `replay` holds.
    var isReplayable = true
    /// The system accepted some of the request on the present connection.
    var wasSent = false
    var attempts = 0
    var staleReplacements = 0
    var tried = TriedEndpoints()
    /// Why the latest attempt failed.
    var lastFailure: Reason?

    /// What moves a large body past the process, and the bytes of it that are in there.
    var pipe = Pipe.none
    var pipeBytes = 0
    var pipeDirection = Worker.Direction.response

    let started: Int64
    /// When the response's head arrived; 0 before.
    var headReceived: Int64 = 0
    /// Bytes of the request's head.
    var headBytes = 0
    /// Bytes sent to the client.
    var bytesSent: UInt64 = 0
    /// What the access log says of the request, written when it came.
    var note = Stretch()

    init(client: Int, listener: Int, started: Int64) {
        self.client = client
        self.listener = listener
        self.started = started
    }

    var progress: RetryPolicy.Progress {
        RetryPolicy.Progress(
            isIdempotent: method.isIdempotent, wasSent: wasSent, isReplayable: isReplayable, attempts: attempts,
            staleReplacements: staleReplacements)
    }

    /// All of the request has been handed to the origin's connection.
    var requestWasForwarded: Bool { request.isComplete && !pipeHolds(.request) }

    /// Nothing of the request is left to forward.
    var requestIsOver: Bool { requestWasForwarded || requestWasAbandoned }

    /// Bytes of that direction's body are in the pipe.
    func pipeHolds(_ direction: Worker.Direction) -> Bool { pipeBytes > 0 && pipeDirection == direction }
}
