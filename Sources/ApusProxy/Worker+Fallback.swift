import ApusBalancing
import ApusHTTP
import ApusModel
import ApusTransport

/// Fallback: what answers when a pool has no endpoint for a request.
extension Worker {
    /// Answers a request that its pool cannot take: by the pool's fallback, if it has one.
    mutating func noAnswer(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) {
        let pool = exchanges[x].pool
        guard settings.pools[pool].hasFallback, reason.isLeftToFallback, exchanges[x].responsePhase == .awaited else {
            return answer(x, reason, &arena)
        }
        let other = settings.pools[pool].fallbackPool
        guard other >= 0 else {
            counters.add(to: shared.layout.pool(pool, .fallbacks))
            return answerByFallback(x, reason, &arena)
        }
        // To another pool a request on its client's own connection would come from nobody.
        guard !exchanges[x].replay.isEmpty, !hasBoundConnection(x) else {
            return answer(x, reason, &arena)
        }
        counters.add(to: shared.layout.pool(pool, .fallbacks))
        giveBackBudget(x)
        if exchanges[x].isAdmitted { depart(x) }
        exchanges[x].pool = other
        exchanges[x].pick = PickRequest()
        exchanges[x].sessionHash = 0
        exchanges[x].tried = TriedEndpoints()
        exchanges[x].attempts = 0
        exchanges[x].staleReplacements = 0
        exchanges[x].lastFailure = nil
        exchanges[x].mayReturn = false
        enterPool(x, &arena)
    }

    private mutating func answerByFallback(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) {
        guard let response = settings.fallbacks[exchanges[x].pool] else { return answer(x, reason, &arena) }
        let closes = prepareAnswer(x, reason, status: response.status, &arena)
        arena.append(response.head.span)
        if !settings.listenerHidesReasons[exchanges[x].listener] {
            arena.append("Apus-Reason: ")
            arena.append(reason.token)
            arena.append("\r\n")
        }
        append(retryAfter: settings.pools[exchanges[x].pool].fallbackRetryAfter, &arena)
        endAnswer(x, closes: closes, body: response.body, &arena)
    }

    /// Seconds after which a request that was refused for want of a place may be worth another try; 0 says nothing.
    mutating func retryAfter(_ x: Int, _ reason: Reason) -> Int {
        switch reason {
        case .overloaded: settings.pools[exchanges[x].pool].retryAfter
        case .routeSaturated, .poolSaturated, .breakerOpen, .queueFull, .queueTimeout: 1
        default: 0
        }
    }

    mutating func append(retryAfter seconds: Int, _ arena: inout BufferArena) {
        guard seconds > 0 else { return }
        arena.append("Retry-After: ")
        arena.append(decimal: UInt64(seconds))
        arena.append("\r\n")
    }
}

extension Reason {
    /// Whether the pool could not take the request, as opposed to having failed it.
    fileprivate var isLeftToFallback: Bool {
        switch self {
        case .noHealthyEndpoint, .poolSaturated, .breakerOpen, .queueFull, .queueTimeout, .connectFailed,
            .connectTimeout:
            true
        default: false
        }
    }
}
