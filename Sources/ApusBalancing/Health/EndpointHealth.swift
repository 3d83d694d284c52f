public import ApusModel

/// Whether one endpoint may be picked, decided from what probes and requests saw of it.
///
/// The rules, with `rise` and `fall` of the pool's `HealthCheck`:
/// - At a start an endpoint is unknown, which counts as available: a balancer that starts serves at once, and its first
///   probes, which all come together on a machine that is busy starting, do not decide alone.
/// - One that comes later, to others that serve, joins: it is not available until a probe has passed.
/// - An endpoint's first successful probe brings it up, however many failed before: an origin that starts a little later is
///   used as soon as it answers. From then on it takes `rise` successful probes in a row to bring it up.
/// - `fall` failures in a row take an endpoint down.
/// - A probe that Apus itself was late with (`CheckFailure.late`) counts neither for nor against it.
/// - A request that could not connect counts as a failed probe, at once. A request that did connect takes back the
///   failures of requests before it, but not those of probes: an origin that accepts connections and answers its
///   probe with 503 is not healthy. It never brings an endpoint up, since by itself it proves too little.
/// - While an endpoint is down nothing is sent to it. Connect failures that still arrive began before and are ignored;
///   they must not delay its return.
/// - Without probes only requests tell. `fall` connect failures in a row take an endpoint down; after one interval it
///   is unknown again and gets requests, and the next failure takes it down, the next success makes it up.
/// - What this machine lacked for a probe or a connection (`CheckFailure.shortage`) says nothing about the endpoint, and
///   counts neither for nor against it.
///
/// Each change is returned exactly once, by the fact that caused it. Times are microseconds of any monotonic clock.
public struct EndpointHealth: Sendable {
    public enum State: Sendable, Hashable {
        case unknown
        /// It has come later, and waits for its first probe to pass.
        case joining
        case up
        case down(DownCause)
    }

    /// A change of state, for the log and for the workers (`isAvailable`).
    public enum Transition: Sendable, Hashable {
        case becameUp
        case becameDown(DownCause)
        /// Without probes: its time out of service is over and requests will tell.
        case becameUnknown

        /// Whether the endpoint may be picked from now on.
        public var isAvailable: Bool {
            if case .becameDown = self { false } else { true }
        }
    }

    public let check: HealthCheck
    public private(set) var state = State.unknown
    /// When the state last changed; nil while it never has.
    public private(set) var changedAt: Int64?

    /// Whether a probe has passed, or without probes a request connected, since the endpoint is here.
    public private(set) var hasPassed = false
    private var probeSuccesses = 0
    private var probeFailures = 0
    private var connectFailures = 0

    /// - Parameter isJoining: it has come to others that serve. Without effect where nothing is probed.
    public init(_ check: HealthCheck, isJoining: Bool = false) {
        self.check = check
        if isJoining, check.probe != .none { state = .joining }
    }

    /// An endpoint whose host name has no address, or none that may be used: it is down until another one takes its place.
    init(unresolved check: HealthCheck, isRefused: Bool) {
        self.check = check
        state = .down(DownCause(probes: 0, connects: 0, last: isRefused ? .nameRefused : .nameNotFound))
    }

    /// Goes on after a reload: the state stays until something says otherwise. What has been counted in a row goes on, too,
    /// unless endpoints are probed in another way now.
    mutating func inherit(from old: EndpointHealth) {
        state = old.state
        // Nobody will probe it any more.
        if state == .joining, check.probe == .none { state = .unknown }
        hasPassed = old.hasPassed
        changedAt = old.changedAt
        guard check.probesAlike(old.check) else { return }
        probeSuccesses = old.probeSuccesses
        probeFailures = old.probeFailures
        connectFailures = old.connectFailures
    }

    /// Whether the endpoint may be picked.
    public var isAvailable: Bool {
        switch state {
        case .unknown, .up: true
        case .joining, .down: false
        }
    }

    /// When `woken` should be called; nil while nothing waits for the time.
    public var nextWakeup: Int64? {
        guard check.probe == .none, !isAvailable, let changedAt else { return nil }
        return changedAt + check.interval.inMicroseconds
    }

    // MARK: - Facts

    public mutating func probeSucceeded(now: Int64) -> Transition? {
        probeFailures = 0
        connectFailures = 0
        probeSuccesses += 1
        switch state {
        case .up: return nil
        case .down where hasPassed && probeSuccesses < check.rise: return nil
        case .down, .joining, .unknown: return becomeUp(now)
        }
    }

    public mutating func probeFailed(now: Int64, _ failure: CheckFailure) -> Transition? {
        guard failure.isOfEndpoint else { return nil }
        probeSuccesses = 0
        guard isAvailable || state == .joining else { return nil }
        probeFailures += 1
        return failed(now, failure)
    }

    /// A request could not connect to the endpoint.
    public mutating func connectFailed(now: Int64, _ failure: CheckFailure) -> Transition? {
        guard isAvailable, failure.isOfEndpoint else { return nil }
        connectFailures += 1
        return failed(now, failure)
    }

    /// A request connected to the endpoint. Needs to be told only after a failure to connect.
    public mutating func connectSucceeded(now: Int64) -> Transition? {
        connectFailures = 0
        guard check.probe == .none, state != .up else { return nil }
        return becomeUp(now)
    }

    /// The time that `nextWakeup` named has come. Sooner, or without need, nothing happens.
    public mutating func woken(now: Int64) -> Transition? {
        guard let nextWakeup, now >= nextWakeup else { return nil }
        // One more failure takes it down again: it has not connected since the last time.
        connectFailures = max(0, check.fall - 1)
        state = .unknown
        changedAt = now
        return .becameUnknown
    }

    /// No other endpoint is left, so that this one gets requests before it has passed a probe.
    mutating func needNotJoin(now: Int64) {
        guard state == .joining else { return }
        state = .unknown
        changedAt = now
    }

    // MARK: - Changes

    private mutating func failed(_ now: Int64, _ failure: CheckFailure) -> Transition? {
        guard probeFailures + connectFailures >= check.fall else { return nil }
        let cause = DownCause(probes: probeFailures, connects: connectFailures, last: failure)
        probeFailures = 0
        connectFailures = 0
        probeSuccesses = 0
        state = .down(cause)
        changedAt = now
        return .becameDown(cause)
    }

    private mutating func becomeUp(_ now: Int64) -> Transition {
        state = .up
        hasPassed = true
        changedAt = now
        return .becameUp
    }
}

/// Why an endpoint was taken down: the failures in a row that did it, and the last of them.
public struct DownCause: Sendable, Hashable {
    /// Probes that failed.
    public let probes: Int
    /// Requests that could not connect.
    public let connects: Int
    public let last: CheckFailure
}

// The same words in logs, metrics and the admin server's answers.

extension EndpointHealth: CustomStringConvertible {
    public var description: String { state.description }
}

extension EndpointHealth.State: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown: "unknown"
        case .joining: EndpointState.joiningWords
        case .up: "healthy"
        case .down(let cause): "unhealthy: \(cause)"
        }
    }
}

extension DownCause: CustomStringConvertible {
    public var description: String {
        let failures = probes + connects
        guard failures > 0 else { return "\(last)" }
        let what = connects == 0 ? "probes" : probes == 0 ? "connects" : "probes and connects"
        return "\(failures) of \(failures) \(what) failed: \(last)"
    }
}
