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
    /// - Returns: what others should know; nil when they were told before, or the endpoint has answered others meanwhile.
    public mutating func look<Counts>(
        route: Int, _ origins: inout Origins<Counts>
    ) -> AttemptReport? {
        guard current.overdueIn == 0, !current.isJudged else { return nil }
        let index = Int(current.endpoint) - origins.rules[pool].start
        guard !origins.dispatchers[pool].isExcused(index, sent: current.started) else { return nil }
        let (run, report) = origins.dispatchers[pool].isOverdue(
            index, route: Int32(truncatingIfNeeded: route), sent: current.started)
        current.overdueIn = run
        return report
    }

    /// Whether the current attempt's endpoint cannot be reached any more: nobody who is there leaves what was sent without an
    /// acknowledgement for longer than it takes to connect. (One that hangs is not found thus: its kernel acknowledges for it.)
    ///
    /// - Parameters:
    ///   - connect: how long a connection may take to be made.
    ///   - silence: for how long nothing of what was sent has been acknowledged; nil if all has been. Asked only where it matters.
    @inlinable
    public func isUnreachable(connect: Int64, now: Int64, silence: () -> Int64?) -> Bool {
        now - current.started >= connect && silence() ?? 0 >= connect
    }

    /// Whether the current attempt waits at an endpoint that is out of use by now: then another should be asked as well
    /// (`rescue`), in case it waits in vain.
    public func waitsInVain<Counts>(_ origins: borrowing Origins<Counts>) -> Bool {
        guard current.isUnderWay, !other.isUnderWay else { return false }
        return origins.dispatchers[pool].isOut(Int(current.endpoint) - origins.rules[pool].start)
    }
}
