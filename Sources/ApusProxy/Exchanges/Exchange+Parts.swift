import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// What is asked of an exchange alone. What only reads is inlined: a call would copy the exchange for it.
extension Exchange {
    // MARK: Bodies

    /// Bytes of a body that may go past the process.
    @inline(__always)
    func unseenBytes(_ direction: ExchangeState.Direction) -> UInt64 {
        direction == .request ? state.request.unseenBytes : state.response.unseenBytes
    }

    /// Who is waited for, now that some of a request has been passed on.
    ///
    /// - Parameter hasRoom: whether the origin has taken all of it.
    @inline(__always)
    func requestPace(hasRoom: Bool) -> Pace {
        // Once there is a response, both sides may have little to say for long.
        hasRoom && state.responsePhase == .awaited ? .client : .none
    }

    /// What has come behind the request is lost, so that nothing more can be answered on its connection.
    mutating func losesPlace(_ reason: Reason) -> Reason {
        state.requestWasAbandoned = true
        return reason
    }

    // MARK: Its route

    /// Counts among its route's requests in flight.
    ///
    /// - Returns: false where there are as many as there may be.
    mutating func counts(onRouteOf loads: SharedCounts, _ rules: RouteSettings) -> Bool {
        guard rules.limitsRequests else { return true }
        var loads = CountsOfAll(loads)
        isCountedOnRoute = loads.takePlace(route, limit: rules.requestLimit)
        return isCountedOnRoute
    }

    /// It is over as far as its route is concerned.
    mutating func leaveRoute(_ loads: SharedCounts, _ arena: inout BufferArena) {
        arena.giveBack(responseLines.handle)
        guard isCountedOnRoute else { return }
        isCountedOnRoute = false
        loads.add(-1, to: route)
    }

    /// Appends what the filters of its route add to an answer of Apus's own.
    func appendFilterLines(_ arena: inout BufferArena) {
        let count = Int(filterLineBytes)
        if count > 0 { arena.append(copying: responseLines.handle, responseLines.range.prefix(count)) }
        if variesWithOrigin { arena.append(CrossOriginPolicy.varyLine) }
    }
}
