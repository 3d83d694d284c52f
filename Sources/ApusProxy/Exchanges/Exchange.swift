import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// One request and its response, from the request's head to the response's last byte.
///
/// It refers to connections and is not one: a client connection has many exchanges one after the other, an exchange may
/// use several upstream connections until one answers. Plain bits in a slab.
struct Exchange: BitwiseCopyable {
    private let clientIndex: Int32
    private var listenerIndex: Int32
    private var routeIndex: Int32 = -1
    /// Bytes of `responseLines` that every response gets, whoever gives it.
    var filterLineBytes: UInt16 = 0
    /// Its response differs with the origin of the page that asks (`Route.cors`), and must say so.
    var variesWithOrigin = false
    /// The access log's draw passed it over.
    var isSampledOut = false
    /// What is known of it, and what follows from facts.
    var state = ExchangeState()

    /// Which of its route's pools it was sent to: the place in `Route.pools`, whatever a fallback makes of it later.
    /// A split has 16 at most.
    var branch: UInt8 = 0
    /// Its route asks for no more than a pool and a priority: what `RouteSettings` says of it is what the listener says. True until
    /// `applyRoute` is called, as it is where `RouteSettings.isPlain` is false.
    var hasPlainRoute = true
    /// It counts among its route's requests in flight (`RouteLimits.requests`).
    var isCountedOnRoute = false

    /// The response is a stream of events, which come when they come.
    var isEventStream = false

    private var headByteCount: Int32 = 0
    /// The lines that its route adds to the response, where they depend on the request: first those of its filters.
    var responseLines = Stretch()
    /// The request as it was sent, its head and what of its body came along or was kept since, until a response is passed on.
    var replay = Stretch()
    /// The hash of the application's session cookie, where Apus learns from it; 0 for none.
    var sessionHash: UInt64 = 0
    /// When something must have happened, in microseconds of the loop's clock; the connections' own deadlines wait.
    var deadline = Int64.max
    /// The next time at which something is due that the exchange waits for, and the tick of its entry in the fine wheel.
    var alarm = Int64.max
    var alarmTick = Int64.max

    /// What moves a large body past the process.
    var pipe = Pipe.none

    let started: Int64
    /// When the response's head arrived; 0 before.
    var headReceived: Int64 = 0
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
    var pool: Int { state.visit.pool }

    /// Bytes of the request's head.
    var headBytes: Int {
        get { Int(headByteCount) }
        set { headByteCount = Int32(truncatingIfNeeded: newValue) }
    }

    /// The current attempt's connection (`visit.current.connection`), leased or still being opened; -1 while there is none.
    var upstream: Int {
        get { Int(state.visit.current.connection) }
        set { state.visit.current.connection = Int32(truncatingIfNeeded: newValue) }
    }

    /// The endpoint of the current attempt, as an index into the snapshot; -1 before the first.
    var endpoint: Int { Int(state.visit.current.endpoint) }

    /// What its visit asks of it.
    var visitRequest: PoolVisit.Request {
        PoolVisit.Request(
            isSafe: state.method.isSafe, isRepeatable: state.isRepeatable, isReplayable: state.isReplayable,
            isKept: !replay.isEmpty)
    }

    /// What is kept of its request is not needed again.
    mutating func releaseReplay(_ arena: inout BufferArena) {
        arena.giveBack(replay.handle)
        replay = Stretch()
    }
}
