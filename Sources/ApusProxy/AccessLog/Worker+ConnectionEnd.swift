import ApusHTTP
import ApusModel
import ApusTransport

/// Who ended a client's connection, and why: told from the state in which its exchange ends, so that nothing has to be
/// written down on the way.
extension Worker {
    /// - Parameter isBroken: the exchange was broken off, rather than its response sent.
    mutating func connectionEnd(_ x: Int, isBroken: Bool) -> ConnectionEnd {
        if isBroken { return ConnectionEnd(brokenFor: exchanges[x].reason ?? .clientClosed) }
        let client = exchanges[x].client
        guard exchanges[x].closesClient else {
            guard connections[client].input.isEmpty else { return .kept }
            if connections[client].peerClosed { return .clientEnded }
            return isDraining ? .draining : settings.listenerIsRetired[exchanges[x].listener] ? .listenerRemoved : .kept
        }
        // Where the next request would begin is known only behind one that was read whole.
        let isCut = !exchanges[x].request.isComplete || exchanges[x].requestWasAbandoned
        if isCut, exchanges[x].answeredItself, let reason = exchanges[x].reason, let end = Self.end(cutFor: reason) {
            return end
        }
        if exchanges[x].headBytes > 0, !exchanges[x].clientKeepsAlive { return .clientAsked }
        if isCut { return .earlyResponse }
        if isDraining { return .draining }
        if settings.listenerIsRetired[exchanges[x].listener] { return .listenerRemoved }
        if exchanges[x].version == .http10, exchanges[x].response.hasNoLength { return .responseWithoutLength }
        return .earlyResponse
    }

    /// What a request that was answered before it was read did wrong; nil when nothing was wrong with it.
    private static func end(cutFor reason: Reason) -> ConnectionEnd? {
        switch reason {
        case .requestHeadTimeout: .requestHeadTimeout
        case .requestBodyTimeout: .requestBodyTimeout
        case .requestBodyTooSlow: .requestBodyTooSlow
        case .memoryLimit: .memoryLimit
        default:
            switch reason.status {
            case 400, 405, 413, 414, 417, 431, 501, 505: .requestRefused
            default: nil
            }
        }
    }
}
