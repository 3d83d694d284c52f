public import ApusBalancing

/// Judging: what an attempt told of its endpoint. Each attempt is judged once at most.
extension PoolVisit {
    /// The current attempt's endpoint has answered.
    ///
    /// - Parameter route: the request's, an index into the snapshot.
    /// - Returns: what others should know; nil when the attempt was judged before.
    @inlinable @inline(__always)
    public mutating func answered<Counts>(
        _ outcome: AttemptOutcome, route: Int, _ origins: inout Origins<Counts>, now: Int64
    ) -> AttemptReport? {
        guard !current.isJudged else { return nil }
        current.isJudged = true
        return origins.dispatchers[pool].answered(
            Int(current.endpoint) - origins.rules[pool].start, outcome, route: Int32(truncatingIfNeeded: route),
            after: max(0, now - current.started), admitted: current.admitted, now: now)
    }

    /// The current attempt's endpoint gave no response.
    ///
    /// - Parameter route: the request's, an index into the snapshot.
    /// - Returns: what others should know; nil when the attempt was judged before.
    @inlinable
    public mutating func gaveNone<Counts>(
        _ fault: AttemptFault, route: Int, _ origins: inout Origins<Counts>, now: Int64
    ) -> AttemptReport? {
        guard !current.isJudged else { return nil }
        let index = Int(current.endpoint) - origins.rules[pool].start
        if fault == .broke, hasBroken, current.wasSent {
            // It breaks wherever it comes: that tells of the request.
            for other in tried.all where other != index { origins.dispatchers[pool].takeBack(other) }
            if current.overdueIn != 0 { origins.dispatchers[pool].takeBack(index) }
            return AttemptReport()
        }
        if fault == .tooLate, origins.dispatchers[pool].isExcused(index, sent: current.started) {
            return AttemptReport()
        }
        current.isJudged = true
        return origins.dispatchers[pool].gaveNone(
            index, fault, route: Int32(truncatingIfNeeded: route), overdueIn: current.overdueIn,
            after: max(0, now - current.started), admitted: current.admitted, now: now)
    }
}
