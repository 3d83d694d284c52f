import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Limits: for how long an exchange may wait for what, how large it may be, and whether it may be made again. The route says
/// so or, where that is plain (`Exchange.hasPlainRoute`), listener and pool.
extension Proxy {
    // MARK: Time limits

    // Two loads and a branch that is always taken for who has a plain route.

    @inline(__always)
    mutating func connectTime(_ x: Int) -> Int64 {
        exchanges[x].hasPlainRoute ? settings.connect : settings.rules.routes[exchanges[x].route].connect
    }

    @inline(__always)
    mutating func responseHeadTime(_ x: Int) -> Int64 {
        exchanges[x].hasPlainRoute ? settings.responseHead : settings.rules.routes[exchanges[x].route].responseHead
    }

    /// The time that an exchange has whose request was just sent: where all of it is, until its attempt is looked at (`look`),
    /// which is sooner than the head must come.
    @inline(__always)
    mutating func timeOfSent(_ x: Int, on upstream: Int) -> Int64 {
        guard exchanges[x].state.request.isComplete else {
            return exchanges[x].state.awaitsContinue ? responseHeadTime(x) : bodyTime(x)
        }
        let time = responseHeadTime(x)
        return connections[upstream].hasUnsent ? time : min(time, PoolVisit.lookTime)
    }

    @inline(__always)
    mutating func bodyTime(_ x: Int) -> Int64 {
        if exchanges[x].isEventStream { return streamTime(x) }
        return exchanges[x].hasPlainRoute ? settings.body : settings.rules.routes[exchanges[x].route].body
    }

    /// A stream of events may be silent for long; a client that does not take what has come may not.
    @inline(never)
    private mutating func streamTime(_ x: Int) -> Int64 {
        let isTaken = !connections[exchanges[x].client].hasUnsent
        guard !exchanges[x].hasPlainRoute else { return isTaken ? settings.stream : settings.body }
        let rules = settings.rules.routes[exchanges[x].route]
        return isTaken ? rules.stream : rules.body
    }

    /// Bytes per second; 0 for any.
    mutating func minRate(_ x: Int) -> Int64 {
        exchanges[x].hasPlainRoute ? settings.minRate : settings.rules.routes[exchanges[x].route].minRate
    }

    @inline(__always)
    mutating func bodyLimit(_ x: Int) -> UInt64 {
        exchanges[x].hasPlainRoute ? settings.bodyLimit : settings.rules.routes[exchanges[x].route].bodyLimit
    }

    // MARK: Retries

    /// Whether the route's own rules hold, in `WorkerSettings.routeRetries`, and not the pool's.
    @inline(__always)
    private mutating func hasOwnRetries(_ x: Int) -> Bool {
        !exchanges[x].hasPlainRoute && settings.rules.routes[exchanges[x].route].hasOwnRetries
    }

    @inline(__always)
    mutating func retriesStatus(_ x: Int, _ status: Int) -> Bool {
        exchanges[x].hasPlainRoute
            ? origins.dispatchers[exchanges[x].pool].retriesStatus(status)
            : exchanges[x].state.visit.retriesStatus(status, by: routeRetries(x), origins)
    }

    /// The rules of the route's own; nil where the pool's hold.
    mutating func routeRetries(_ x: Int) -> RouteRetries? {
        hasOwnRetries(x) ? settings.routeRetries[exchanges[x].route] : nil
    }

    /// How long one attempt may take until it is answered; `.max` for as long as any response may.
    mutating func perTry(_ x: Int) -> Int64 {
        let pool = origins.rules[exchanges[x].pool]
        return exchanges[x].hasPlainRoute ? pool.perTry : settings.rules.routes[exchanges[x].route].perTry(in: pool)
    }

    /// Whether requests of any method are tried again.
    private mutating func repeatsAll(_ x: Int) -> Bool {
        let pools = settings.pools[exchanges[x].pool].repeatsAll
        return exchanges[x].hasPlainRoute ? pools : settings.rules.routes[exchanges[x].route].repeatsAll(else: pools)
    }

    /// Notes whether the request may be sent again, and whether it can be for as long as it is under way: a body that is
    /// longer than what is kept cannot.
    @inline(__always)
    mutating func noteRepeatability(_ x: Int, _ framing: BodyFraming) {
        guard exchanges[x].state.method.isIdempotent || repeatsAll(x) else {
            exchanges[x].state.visit.repeatability = .never
            return
        }
        switch framing {
        case .none: return
        case .length(let length) where length <= keptBody(x): return
        case .length, .chunked, .untilClose: exchanges[x].state.visit.repeatability = .atFirst
        }
    }

    /// The same, now that another pool has it: what is kept of the request is what it was.
    mutating func noteRepeatabilityElsewhere(_ x: Int) {
        if exchanges[x].state.method.isIdempotent { return }
        if !repeatsAll(x) {
            exchanges[x].state.visit.repeatability = .never
        } else if exchanges[x].state.visit.repeatability == .never {
            exchanges[x].state.visit.repeatability = .atFirst
        }
    }

    /// Bytes of the request's body that are kept so that it can be sent again.
    mutating func keptBody(_ x: Int) -> UInt64 {
        UInt64(
            hasOwnRetries(x)
                ? settings.rules.routes[exchanges[x].route].keptBody : settings.pools[exchanges[x].pool].keptBody)
    }
}
