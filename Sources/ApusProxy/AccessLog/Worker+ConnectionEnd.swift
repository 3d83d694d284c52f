import ApusHTTP
import ApusModel
import ApusTransport

/// Who ended a client's connection, and why: told from the state in which its exchange ends, so that nothing has to be
/// written down on the way.
extension Worker {
    /// - Parameter isBroken: the exchange was broken off, rather than its response sent.
    func connectionEnd(_ exchange: Exchange, isBroken: Bool) -> ConnectionEnd {
        if isBroken { return ConnectionEnd(brokenFor: exchange.reason ?? .clientClosed) }
        guard exchange.closesClient else {
            guard connections[exchange.client].input.isEmpty else { return .kept }
            if connections[exchange.client].peerClosed { return .clientEnded }
            return isDraining ? .draining : settings.listenerIsRetired[exchange.listener] ? .listenerRemoved : .kept
        }
        // Where the next request would begin is known only behind one that was read whole.
        let isCut = !exchange.request.isComplete || exchange.requestWasAbandoned
        if isCut, exchange.answeredItself, let reason = exchange.reason, let end = Self.end(cutFor: reason) {
            return end
        }
        if exchange.headBytes > 0, !exchange.clientKeepsAlive { return .clientAsked }
        if isCut { return .earlyResponse }
        if isDraining { return .draining }
        if settings.listenerIsRetired[exchange.listener] { return .listenerRemoved }
        if exchange.version == .http10, exchange.response.hasNoLength { return .responseWithoutLength }
        return .earlyResponse
    }

    /// What a request that was answered before it was read did wrong; nil when nothing was wrong with it.
    private static func end(cutFor reason: Reason) -> ConnectionEnd? {
        switch reason {
        case .requestHeadTimeout: .requestHeadTimeout
        case .requestBodyTimeout: .requestBodyTimeout
        case .memoryLimit: .memoryLimit
        default:
            switch reason.status {
            case 400, 405, 413, 414, 417, 431, 501, 505: .requestRefused
            default: nil
            }
        }
    }
}
