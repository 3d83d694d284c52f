import ApusBalancing
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Routes: what they say of their requests beyond a pool. Who has a plain one (`Exchange.hasPlainRoute`) has nothing applied.
extension Proxy {
    /// Carries out what the exchange's route asks for before the request is sent on.
    ///
    /// - Returns: `goesOn` when it goes on to a pool.
    mutating func applyRoute(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Next {
        exchanges[x].hasPlainRoute = false
        let rules = settings.rules.routes[exchanges[x].route]
        if rules.crossOrigin >= 0 {
            let next = applyCrossOrigin(x, Int(rules.crossOrigin), &hand, &arena)
            guard case .goesOn = next else { return next }
        }
        if rules.clientRequirement >= 0, !isAdmitted(x) {
            return answer(x, .clientCertificateRequired, instead: &hand, &arena)
        }
        guard exchanges[x].counts(onRouteOf: shared.routeLoads, rules) else {
            return answer(x, .routeSaturated, instead: &hand, &arena)
        }
        if rules.hasFilters {
            let next = askFilters(x, &hand, &arena)
            guard case .goesOn = next else { return next }
        }
        return takeWay(x, &hand, &arena)
    }

    /// Whether the client's certificate names somebody whom the route lets in.
    private mutating func isAdmitted(_ x: Int) -> Bool {
        settings.rules.admits(identity(of: exchanges[x].client)?.names, to: exchanges[x].route)
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
            let key = settings.rules.parts.splitKeys[Int(rules.splitKey)]
            hash = settings.rules.hash(key, of: &hand, arena.bytes(of: hand.place), arrival(x))
        }
        // Mixed once more: the pool may hash the same key, and would find all that come to it in one corner.
        var draw = SplitMix64(seed: hash ?? chance.next())
        let place = draw.next(below: max(1, rules.totalWeight))
        let first = Int(rules.firstBranch)
        for index in 0..<Int(rules.branchCount) where place < settings.rules.parts.branches[first + index].end {
            exchanges[x].branch = UInt8(truncatingIfNeeded: index)
            exchanges[x].state.visit.pool = settings.rules.parts.branches[first + index].pool
            return
        }
    }
}
