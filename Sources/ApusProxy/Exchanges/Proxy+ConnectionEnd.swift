import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Whether a client's connection ends whatever is said on it: its listener has gone, or the worker drains.
extension Proxy {
    /// Why the connection of the exchange's client ends after it, in any case; `kept` if it need not.
    @inline(__always)
    mutating func leavingEnd(_ x: Int) -> ConnectionEnd {
        let end = leavingAnyway(x)
        return end == .kept && (settings.clientKeeping.limitsUse || settings.asksClients) ? keptEnough(x) : end
    }

    @inline(__always)
    private mutating func leavingAnyway(_ x: Int) -> ConnectionEnd {
        guard isLeaving(exchanges[x].listener) else { return .kept }
        return clients.areLeaving ? .draining : .listenerRemoved
    }

    /// Whether the client's connection has been kept for as long as it may.
    @inline(never)
    private mutating func keptEnough(_ x: Int) -> ConnectionEnd {
        let client = connections[exchanges[x].client]
        if client.link.isOutdated { return .clientRulesChanged }
        if Int32(client.carried) >= settings.clientKeeping.requests { return .connectionRequests }
        return client.age(now) >= settings.clientKeeping.age ? .connectionAge : .kept
    }

    /// How the client's connection fares after an exchange that is over: one that was to be kept may have been ended by its
    /// client meanwhile, or has become one of a listener that has ended.
    mutating func connectionEnd(_ x: Int) -> ConnectionEnd {
        let client = exchanges[x].client
        let end = exchanges[x].state.end
        guard end == .kept, connections[client].input.isEmpty else { return end }
        return connections[client].peerClosed ? .clientEnded : leavingAnyway(x)
    }
}
