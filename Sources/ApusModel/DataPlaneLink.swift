public import ApusAddresses
public import ApusHTTP

/// What the control plane sees of the data plane: facts that come out, decisions that go in, counters to read.
///
/// Calls may come from any thread and never block. Indices are those of the snapshot that the data plane was given last:
/// what is said before a reload reaches every worker before the reload does.
public protocol DataPlaneLink: CounterSource {
    /// Facts the workers observed, each reported once, in the order of each worker. Ends when the workers have ended.
    var facts: AsyncStream<ReportedFact> { get }

    /// Tells every worker whether `endpoint` (an index into `Snapshot.endpoints`) may be picked. One that comes back
    /// begins its slow start, if its pool has one.
    func setEndpoint(_ endpoint: Int, available: Bool)

    /// Tells every worker the endpoint's weight from now on, 0 to 65,535. At 0 only its sticky sessions go on.
    func setWeight(_ endpoint: Int, _ weight: Int)

    /// Tells every worker but the one that reported it that a breaker has changed.
    func setBreaker(_ breaker: BreakerName, _ state: BreakerState, exceptWorker: Int)

    /// Has every worker that has more connections to origins than clients close idle ones, since this process lacks
    /// descriptors.
    func giveUpIdleConnections()
}

/// Counters of one snapshot: they go on, with what they have counted, when a reload makes others that begin with what
/// these had.
public protocol CounterSource: Sendable {
    /// The sum over all workers of the counter in `slot` (see `CounterLayout`).
    func total(_ slot: Int) -> UInt64

    /// The counter in `slot` of one worker.
    func value(_ slot: Int, worker: Int) -> UInt64
}

/// A fact, and the snapshot in whose indices it is told.
public struct ReportedFact: Sendable, Equatable {
    /// How many reloads there were before: 0 for the snapshot that the data plane was made with.
    public let epoch: Int
    public let fact: DataPlaneFact

    public init(epoch: Int, _ fact: DataPlaneFact) {
        self.epoch = epoch
        self.fact = fact
    }
}

/// Something that a worker saw and the control plane should know at once.
public enum DataPlaneFact: Sendable, Equatable {
    /// A connection to an endpoint (an index into `Snapshot.endpoints`) could not be made.
    case connectFailed(endpoint: Int, ConnectFailure)
    /// A connection to an endpoint was established, after at least one failed.
    case connectSucceeded(endpoint: Int)
    /// An endpoint has answered badly this many times in a row, as often as its pool's `OutlierRules` bear.
    case failedInARow(endpoint: Int, ConsecutiveFailure, count: Int)
    /// An endpoint has answered a request, of which a worker had said that it answers none in time.
    case answersAgain(endpoint: Int)
    /// So many requests were given no response by an endpoint since a worker last said so, the latest for that reason. Said
    /// once a second at most: for the log.
    case gaveNoResponse(endpoint: Int, Reason, HandshakeFault? = nil, count: Int)
    /// A worker's circuit breaker has changed.
    case breakerChanged(BreakerName, BreakerState, BreakerCause?, worker: Int)
    /// Connections of clients were turned away, or a request came back. Said once a second at most: for the log.
    case refused(RefusalNews)
    /// Lines of the access log are refused or dropped, or are written again.
    case accessLog(AccessLogNews)
}

/// A client whose TLS handshake has failed: where it is, and what it says of itself.
public struct FailedClient: Sendable, Equatable {
    public var address: String
    /// The name that it asked for (SNI); nil for none.
    public var serverName: String?
    /// Who it is by the certificate that it has shown; nil for none.
    public var certificate: String?

    public init(address: String, serverName: String? = nil, certificate: String? = nil) {
        self.address = address
        self.serverName = serverName
        self.certificate = certificate
    }
}

/// What a listener has refused, in words that no reload changes.
public struct RefusalNews: Sendable, Equatable {
    public enum Event: Sendable, Equatable {
        /// So many connections were turned away since a worker last said so.
        case turnedAway(Reason, count: Int)
        /// So many requests came back to the route by which this process had forwarded them, the latest from that address.
        case cameBack(route: String, from: String, count: Int)
        /// An endpoint, named with its pool, refused so many requests of the listener since they had come back to it.
        case ledBack(endpoint: String, count: Int)
        /// So many TLS handshakes of clients failed for that reason, the latest with that one.
        case handshakeFailed(HandshakeFault, FailedClient, count: Int)
        /// So many connections began without a good header of the PROXY protocol, the latest from that address.
        case proxyHeaderRefused(ProxyHeaderFault, from: String, count: Int)
    }

    /// The listener's address, as configured.
    public let listener: String
    public let event: Event

    /// Whether a client found no descriptor.
    public var isForDescriptors: Bool { if case .turnedAway(.descriptorLimit, _) = event { true } else { false } }

    public init(listener: String, _ event: Event) {
        self.listener = listener
        self.event = event
    }

    public init(at listener: Int, of snapshot: Snapshot, _ event: Event) {
        self.init(listener: "\(snapshot.listeners[listener].bind)", event)
    }
}

/// What is to be known of an access log that does not take its lines.
public struct AccessLogNews: Sendable, Equatable {
    public enum Event: Sendable, Equatable {
        /// It takes nothing, for that reason.
        ///
        /// - `keepsLines`: what comes waits, as far as there is room. Otherwise it is lost.
        /// - `untold`: so often it took nothing for a while, and that was not told, since the news before was not a minute old.
        case refused(String, keepsLines: Bool, untold: Int)
        /// It still takes nothing, for that reason: told again as long as it lasts. So many lines were dropped since it began.
        case stillRefused(String, dropped: Int)
        /// It takes lines again; so many were dropped meanwhile.
        case resumed(dropped: Int)
        /// So many were dropped, the latest for that cause.
        case dropped(Int, DropCause)
    }

    public enum DropCause: Sendable, Equatable {
        /// They came faster than they could be written.
        case tooFast
        /// They were not taken, for that reason.
        case refused(String)
        /// Another file was opened in the middle of a line.
        case reopened
    }

    /// Where the lines go.
    public let destination: String
    public let event: Event

    public init(destination: String, _ event: Event) {
        self.destination = destination
        self.event = event
    }
}

/// A kind of bad answers that are counted in a row.
public enum ConsecutiveFailure: Sendable, Hashable {
    case status5xx
    case gatewayError
    /// Gateway errors all of which are answers that did not come in time.
    case timeout
}

/// Whose circuit breaker: indices into the snapshot.
public enum BreakerName: Sendable, Hashable {
    case endpoint(Int)
    case pool(Int)
}

/// The states of a circuit breaker.
public enum BreakerState: Sendable, Hashable {
    case closed
    /// Nothing is let through until `until`, in microseconds of the monotonic clock; it is its `openings`-th opening in a
    /// row.
    case open(until: Int64, openings: Int)
    /// A few requests are let through, to see.
    case halfOpen(openings: Int)
}

/// Why a circuit breaker opened.
public enum BreakerCause: Sendable, Hashable {
    case consecutiveFailures(Int)
    /// Of `total` requests in the window, `failed` failed.
    case failures(failed: Int, total: Int)
    /// Of `total` requests in the window, `slow` were slow.
    case slowCalls(slow: Int, total: Int)
    /// A trial request failed while it was half-open.
    case trialFailed
}

extension BreakerCause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .consecutiveFailures(let count): "\(count) consecutive failures"
        case .failures(let failed, let total): "\(failed) of \(total) requests failed"
        case .slowCalls(let slow, let total): "\(slow) of \(total) requests were slow"
        case .trialFailed: "a trial request failed"
        }
    }
}
