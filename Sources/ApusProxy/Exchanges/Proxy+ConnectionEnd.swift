import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// Whether a client's connection ends whatever is said on it: its listener has gone, or the worker drains.
extension Proxy {
    /// Why the connection of the exchange's client ends after it, in any case; `kept` if it need not.
    @inline(__always)
    mutating func leavingEnd(_ x: Int) -> ConnectionEnd {
        guard isLeaving(exchanges[x].listener) else { return .kept }
        return clients.areLeaving ? .draining : .listenerRemoved
    }

    /// How the client's connection fares after an exchange that is over: one that was to be kept may have been ended by its
    /// client meanwhile, or has become one of a listener that has ended.
    mutating func connectionEnd(_ x: Int) -> ConnectionEnd {
        let client = exchanges[x].client
        let end = exchanges[x].state.end
        guard end == .kept, connections[client].input.isEmpty else { return end }
        return connections[client].peerClosed ? .clientEnded : leavingEnd(x)
    }
}
