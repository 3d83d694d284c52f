/// A request of a client of the walk: what it is, and what became of it.
struct AskedRequest {
    let id: Int
    let client: Int
    let method: String
    let path: String
    /// Bytes of its body, which is made from `id`.
    let bodyCount: Int
    let isChunked: Bool
    let isHTTP10: Bool
    let expectsContinue: Bool
    /// Not a request that could be forwarded: only a refusal answers it.
    let isBad: Bool
    /// Its chunks turn into something else in the middle: no origin may ever see all of it.
    let breaks: Bool
    /// The origin of the page that asks.
    let pageOrigin: String?
    /// A browser asks whether the page may send such a request.
    let isPreflight: Bool
    /// By what it says that Apus has forwarded it before, and whether that was by the same route.
    let mark: String?
    let isLoop: Bool
    /// Origins' connections on which its whole head came.
    var heads = 0
    /// How often an origin that had its head ended the connection before it answered.
    var deaths = 0
    /// How often it ended for its client: must become 1.
    var ends = 0
    /// Its client has got an interim response to it: it belongs to the origin that gave that.
    var hasBegun = false
    /// Lines that the access log has for it, and what the line says of the response's body.
    var lines = 0
    var loggedBytes = 0
    /// Bytes of the body of the whole response that its client has got.
    var bodyBytes: Int?
    /// When its last byte was sent.
    var sentAt: Int64?
    /// When its first byte was sent, and when it ended for its client.
    var beganAt: Int64 = 0
    var endedAt: Int64?
    /// Its client is not there any more, or has ended its direction towards a listener to which that says the same; and in
    /// which of the worker's turns the worker could know it.
    var clientHasLeft = false
    var leftTurn: Int?
    /// What origins have said to it, by number.
    var answers: [Int] = []
    /// It was sent when its client was to go, since that change of configuration: its response is the last.
    var cameLate: Int?
    /// The filters that have let it go on, and the first configuration in which they may have been asked.
    var letOnBy: Set<Int> = []
    var firstFilters: Int?
    /// Its client has got a whole response.
    var wasAnswered = false

    var isIdempotent: Bool { method != "POST" }
    var seed: Int { 2 * id }
    /// A request as it should be, which may be refused for what goes on, and not for what it is.
    var isGood: Bool { !isBad && !breaks }
    /// Its route has filters.
    var isFiltered: Bool { path.hasPrefix("/h/") }
    /// Its route says which pages of other origins may read its responses: those of `WalkSnapshots.friend`.
    var isShared: Bool { path.hasPrefix("/x/") }
}

/// A response of an origin of the walk.
struct GivenResponse {
    let request: Int
    let status: Int
    /// Bytes of its body, which is made from its number; of a body that ends with the connection, what was sent.
    var bodyCount: Int
    let hasTrailer: Bool
    /// It is a stream of events.
    var isStream = false
    /// When some of it was last sent.
    var sentAt: Int64 = 0
    /// All of it was sent.
    var isWhole = false

    static func seed(_ token: Int) -> Int { 2 * token + 1 }
}

/// What happened in a walk, so that one in which nothing happens is noticed.
struct WalkTally: Equatable {
    var requests = 0
    var responses = 0
    var complete = 0
    var ownAnswers = 0
    var cut = 0
    var unanswered = 0
    /// Requests that filters were asked about, those that they denied, and preflights that were answered.
    var questions = 0
    var denials = 0
    var preflights = 0
    var interim = 0
    /// Streams of events that origins began, and requests whose clients left in a way that can be known.
    var streams = 0
    var leavings = 0
    /// Requests on connections that had been idle for more than a second, and on such of which a time was promised.
    var rested = 0
    var promised = 0
    /// Connections to origins that began with a header of the PROXY protocol.
    var named = 0
    /// Handshakes that were made with clients and with origins, as those saw it, and what went wrong in others.
    var sealedClients = 0
    var sealedOrigins = 0
    var missteps: [String: Int] = [:]
    /// Ends that were only the socket's: the worker's, and those of bodies that end with their connection. Keys that were
    /// changed, and what was said that was no record.
    var bareEnds = 0
    var cutEnds = 0
    var renewals = 0
    var lies = 0
    var reloads = 0
    var drains = 0
    var freezes = 0
    var settlings = 0
    var seasons = 0
    var steps = 0
    /// What the workers counted, by name.
    var counted: [String: UInt64] = [:]
    /// Answers by what they said was the reason, and lines of the access log by theirs.
    var reasons: [String: Int] = [:]
    var logged: [String: Int] = [:]

    static func += (one: inout WalkTally, other: WalkTally) {
        one.requests += other.requests
        one.responses += other.responses
        one.complete += other.complete
        one.ownAnswers += other.ownAnswers
        one.cut += other.cut
        one.unanswered += other.unanswered
        one.questions += other.questions
        one.denials += other.denials
        one.preflights += other.preflights
        one.interim += other.interim
        one.streams += other.streams
        one.named += other.named
        one.leavings += other.leavings
        one.rested += other.rested
        one.promised += other.promised
        one.sealedClients += other.sealedClients
        one.sealedOrigins += other.sealedOrigins
        one.missteps.merge(other.missteps, uniquingKeysWith: +)
        one.bareEnds += other.bareEnds
        one.cutEnds += other.cutEnds
        one.renewals += other.renewals
        one.lies += other.lies
        one.reloads += other.reloads
        one.drains += other.drains
        one.freezes += other.freezes
        one.settlings += other.settlings
        one.seasons += other.seasons
        one.steps += other.steps
        one.counted.merge(other.counted, uniquingKeysWith: +)
        one.reasons.merge(other.reasons, uniquingKeysWith: +)
        one.logged.merge(other.logged, uniquingKeysWith: +)
    }
}
