public import ApusBalancing

/// Looking: what an attempt that was not answered soon tells of its endpoint, and whether another is asked as well.
///
/// Nothing is given up here: the attempt has all of its time.
extension PoolVisit {
    /// How long the current attempt may wait until it is looked at, and again, in microseconds.
    public static let lookTime: Int64 = 1_000_000

    /// When the current attempt must have been answered, of which its request was sent so long ago.
    public func headDue(_ responseHead: Int64) -> Int64 {
        let (due, isOver) = current.started.addingReportingOverflow(responseHead)
        return isOver ? .max : due
    }

    /// The current attempt, whose request was sent `lookTime` ago or more, has no answer.
    ///
    /// - Parameter route: the request's, an index into the snapshot.
    /// - Returns: what others should know; nil when that was asked before.
    public mutating func look<Counts>(
        route: Int, _ origins: inout Origins<Counts>
    ) -> AttemptReport? {
        guard !current.isOverdue, !current.isJudged else { return nil }
        current.isOverdue = true
        return origins.dispatchers[pool].isOverdue(
            Int(current.endpoint) - origins.rules[pool].start, route: Int32(truncatingIfNeeded: route),
            sent: current.started)
    }

    /// Whether the current attempt waits at an endpoint that is out of use by now: then another should be asked as well
    /// (`rescue`), in case it waits in vain.
    public func waitsInVain<Counts>(_ origins: borrowing Origins<Counts>) -> Bool {
        guard current.isUnderWay, !other.isUnderWay else { return false }
        return origins.dispatchers[pool].isOut(Int(current.endpoint) - origins.rules[pool].start)
    }
}
