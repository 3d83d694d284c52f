import ApusHTTP
import ApusModel
import ApusTransport

/// Why a client's connection ends with an exchange: decided when the response begins, and kept in `Exchange.end`.
extension Worker {
    /// The end that comes with an origin's response.
    ///
    /// - Parameter needsEnd: only the connection's end tells the client where the response ends.
    @inline(__always)
    mutating func endOfResponse(_ x: Int, needsEnd: Bool) -> ConnectionEnd {
        guard exchanges[x].end == .kept else { return exchanges[x].end }
        if !exchanges[x].clientKeepsAlive { return .clientAsked }
        // A request that is not all here yet might never be; the connection cannot be relied on after this.
        if !exchanges[x].requestWasForwarded { return .earlyResponse }
        if isLeaving(exchanges[x].listener) { return leavingEnd }
        return needsEnd ? .responseWithoutLength : .kept
    }

    /// The end that comes with an answer of Apus's own.
    ///
    /// - Parameter reason: nil for an answer that is what was configured.
    mutating func endOfAnswer(_ x: Int, _ reason: Reason?) -> ConnectionEnd {
        guard exchanges[x].end == .kept else { return exchanges[x].end }
        // Where the next request would begin is known only behind one that was read whole.
        let isCut = !exchanges[x].request.isComplete || exchanges[x].requestWasAbandoned
        if isCut, let reason, let end = ConnectionEnd(cutFor: reason) { return end }
        if exchanges[x].headBytes > 0, !exchanges[x].clientKeepsAlive { return .clientAsked }
        if isCut { return .earlyResponse }
        if !exchanges[x].clientKeepsAlive { return .clientAsked }
        return isLeaving(exchanges[x].listener) ? leavingEnd : .kept
    }

    private var leavingEnd: ConnectionEnd {
        mutating get { isDraining ? .draining : .listenerRemoved }
    }

    /// How the client's connection fares after an exchange that is over: one that was to be kept may have been ended by its
    /// client meanwhile, or has become one of a listener that has ended.
    mutating func connectionEnd(_ x: Int) -> ConnectionEnd {
        let client = exchanges[x].client
        guard exchanges[x].end == .kept, connections[client].input.isEmpty else { return exchanges[x].end }
        if connections[client].peerClosed { return .clientEnded }
        return isLeaving(exchanges[x].listener) ? leavingEnd : .kept
    }
}

extension ConnectionEnd {
    /// What a request that was answered before it was read did wrong; nil when nothing was wrong with it.
    fileprivate init?(cutFor reason: Reason) {
        switch reason {
        case .requestHeadTimeout: self = .requestHeadTimeout
        case .requestBodyTimeout: self = .requestBodyTimeout
        case .requestBodyTooSlow: self = .requestBodyTooSlow
        case .memoryLimit: self = .memoryLimit
        default:
            switch reason.status {
            case 400, 405, 413, 414, 417, 431, 501, 505: self = .requestRefused
            default: return nil
            }
        }
    }
}
