import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Routes: what they say of their requests beyond a pool. Who has a plain one (`Exchange.isPlain`) has nothing applied; the
/// limits below hold for all, by the route or, where it is plain, by listener and pool.
extension Proxy {
    /// Carries out what the exchange's route asks for before the request is sent on.
    ///
    /// - Returns: `goesOn` when it goes on to a pool.
    mutating func applyRoute(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        exchanges[x].isPlain = false
        let rules = settings.rules.routes[exchanges[x].route]
        if rules.crossOrigin >= 0 {
            let next = applyCrossOrigin(x, Int(rules.crossOrigin), &hand, &arena)
            guard case .goesOn = next else { return next }
        }
        guard countOnRoute(x, limit: rules.requestLimit) else {
            return answer(x, .routeSaturated, instead: &hand, &arena)
        }
        if rules.hasFilters {
            let next = askFilters(x, &hand, &arena)
            guard case .goesOn = next else { return next }
        }
        return takeWay(x, &hand, &arena)
    }

    /// Answers the request, if its route does that by itself, or decides which pool it goes to.
    ///
    /// - Returns: `goesOn` when it goes on to a pool.
    mutating func takeWay(_ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) -> Next {
        let rules = settings.rules.routes[exchanges[x].route]
        guard rules.action == .forward else { return answerByRoute(x, &hand, &arena) }
        if rules.branchCount > 0 { chooseBranch(x, &hand, arena) }
        return .goesOn
    }

    // MARK: Requests in flight

    private mutating func countOnRoute(_ x: Int, limit: Int) -> Bool {
        guard limit != .max else { return true }
        let route = exchanges[x].route
        guard shared.routeLoads.add(1, to: route) <= limit else {
            shared.routeLoads.add(-1, to: route)
            return false
        }
        exchanges[x].isCountedOnRoute = true
        return true
    }

    /// The exchange is over as far as its route is concerned.
    mutating func leaveRoute(_ x: Int, _ arena: inout BufferArena) {
        arena.giveBack(exchanges[x].responseLines.handle)
        guard exchanges[x].isCountedOnRoute else { return }
        exchanges[x].isCountedOnRoute = false
        shared.routeLoads.add(-1, to: exchanges[x].route)
    }

    // MARK: Splits

    /// Decides to which of its route's pools the request goes: by what the route splits by, or by chance where the request
    /// has nothing of the kind.
    private mutating func chooseBranch(
        _ x: Int, _ hand: inout RequestInHand, _ arena: borrowing BufferArena
    ) {
        if connections[exchanges[x].client].bound >= 0, chooseBoundBranch(x) { return }
        let rules = settings.rules.routes[exchanges[x].route]
        var hash: UInt64?
        if rules.splitKey >= 0 {
            let key = settings.rules.tables.splitKeys[Int(rules.splitKey)]
            hash = settings.rules.hash(key, of: &hand, arena.bytes(of: hand.place), arrival(x))
        }
        // Mixed once more: the pool may hash the same key, and would find all that come to it in one corner.
        var draw = SplitMix64(seed: hash ?? chance.next())
        let place = draw.next(below: max(1, rules.totalWeight))
        let first = Int(rules.firstBranch)
        for index in 0..<Int(rules.branchCount) where place < settings.rules.tables.branches[first + index].end {
            exchanges[x].branch = UInt8(truncatingIfNeeded: index)
            exchanges[x].state.visit.pool = settings.rules.tables.branches[first + index].pool
            return
        }
    }

    // MARK: Time limits

    // Two loads and a branch that is always taken for who has a plain route.

    @inline(__always)
    mutating func connectTime(_ x: Int) -> Int64 {
        exchanges[x].isPlain ? settings.connect : settings.rules.routes[exchanges[x].route].connect
    }

    @inline(__always)
    mutating func responseHeadTime(_ x: Int) -> Int64 {
        exchanges[x].isPlain ? settings.responseHead : settings.rules.routes[exchanges[x].route].responseHead
    }

    @inline(__always)
    mutating func bodyTime(_ x: Int) -> Int64 {
        if exchanges[x].isEventStream { return streamTime(x) }
        return exchanges[x].isPlain ? settings.body : settings.rules.routes[exchanges[x].route].body
    }

    /// A stream of events may be silent for long; a client that does not take what has come may not.
    @inline(never)
    private mutating func streamTime(_ x: Int) -> Int64 {
        let isTaken = !connections[exchanges[x].client].hasUnsent
        guard !exchanges[x].isPlain else { return isTaken ? settings.stream : settings.body }
        let rules = settings.rules.routes[exchanges[x].route]
        return isTaken ? rules.stream : rules.body
    }

    /// Bytes per second; 0 for any.
    mutating func minRate(_ x: Int) -> Int64 {
        exchanges[x].isPlain ? settings.minRate : settings.rules.routes[exchanges[x].route].minRate
    }

    @inline(__always)
    mutating func bodyLimit(_ x: Int) -> UInt64 {
        exchanges[x].isPlain ? settings.bodyLimit : settings.rules.routes[exchanges[x].route].bodyLimit
    }

    // MARK: Retries

    /// Whether the route's own rules hold, in `WorkerSettings.routeRetries`, and not the pool's.
    @inline(__always)
    private mutating func hasOwnRetries(_ x: Int) -> Bool {
        !exchanges[x].isPlain && settings.rules.routes[exchanges[x].route].hasOwnRetries
    }

    @inline(__always)
    mutating func retriesStatus(_ x: Int, _ status: Int) -> Bool {
        hasOwnRetries(x)
            ? settings.routeRetries[exchanges[x].route].policy.retriesStatus(status)
            : origins.dispatchers[exchanges[x].pool].retriesStatus(status)
    }

    /// The rules of the route's own; nil where the pool's hold.
    mutating func routeRetries(_ x: Int) -> RouteRetries? {
        hasOwnRetries(x) ? settings.routeRetries[exchanges[x].route] : nil
    }

    /// How long one attempt may take until it is answered; `.max` for as long as any response may.
    mutating func perTry(_ x: Int) -> Int64 {
        hasOwnRetries(x)
            ? settings.rules.routes[exchanges[x].route].perTry : origins.rules[exchanges[x].pool].perTry
    }

    /// Whether requests of any method are tried again.
    private mutating func repeatsAll(_ x: Int) -> Bool {
        hasOwnRetries(x)
            ? settings.rules.routes[exchanges[x].route].repeatsAll : settings.pools[exchanges[x].pool].repeatsAll
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

    /// Bytes of the request's body that are kept so that it can be sent again.
    mutating func keptBody(_ x: Int) -> UInt64 {
        UInt64(
            hasOwnRetries(x)
                ? settings.rules.routes[exchanges[x].route].keptBody : settings.pools[exchanges[x].pool].keptBody)
    }
}
