import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Fallback: what answers when a pool has no endpoint for a request.
extension Proxy {
    /// Answers a request that its pool cannot take, or whose last attempt has failed: by the pool's fallback, if it has one and
    /// the reason is left to it.
    mutating func noAnswer(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) -> Next {
        guard exchanges[x].state.responsePhase == .awaited else { return .answer(reason) }
        let pool = exchanges[x].pool
        // To another pool a request on its client's own connection would come from nobody.
        let maySendElsewhere = !exchanges[x].replay.isEmpty && !hasBoundConnection(x)
        switch exchanges[x].state.visit.refuge(from: reason, maySendElsewhere: maySendElsewhere, origins) {
        case .none: return .answer(reason)
        case .response:
            records.counters.add(to: shared.layout.pool(pool, .fallbacks))
            return answerByFallback(x, reason, &arena)
        case .pool(let other):
            records.counters.add(to: shared.layout.pool(pool, .fallbacks))
            leavePool(x)
            exchanges[x].state.visit = PoolVisit(pool: other, after: exchanges[x].state.visit)
            exchanges[x].sessionHash = 0
            noteRepeatabilityElsewhere(x)
            return enterPool(x, &arena)
        }
    }

    private mutating func answerByFallback(_ x: Int, _ reason: Reason, _ arena: inout BufferArena) -> Next {
        guard let response = settings.fallbacks[exchanges[x].pool] else { return .answer(reason) }
        let closes = prepareAnswer(x, reason, status: response.status, &arena)
        arena.append(response.head.span)
        if !settings.listenerHidesReasons[exchanges[x].listener] {
            arena.append("Apus-Reason: ")
            arena.append(reason.token)
            arena.append("\r\n")
        }
        append(retryAfter: settings.pools[exchanges[x].pool].fallbackRetryAfter, &arena)
        return endAnswer(x, closes: closes, body: response.body, &arena)
    }

    /// Seconds after which a request that was refused for want of a place may be worth another try; 0 says nothing.
    mutating func retryAfter(_ x: Int, _ reason: Reason) -> Int {
        switch reason {
        case .overloaded: settings.pools[exchanges[x].pool].retryAfter
        case .requestLimit, .routeSaturated, .poolSaturated, .breakerOpen, .queueFull, .queueTimeout, .portLimit: 1
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
