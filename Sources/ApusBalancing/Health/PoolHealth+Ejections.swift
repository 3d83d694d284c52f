public import ApusModel

/// Ejections: who is taken out of service for bad answers, and when it comes back.
extension PoolHealth {
    /// A worker saw the endpoint answer badly so many times in a row, as often as the pool's rules bear.
    public mutating func failedInARow(
        _ endpoint: Int, _ failure: ConsecutiveFailure, count: Int, now: Int64
    ) -> [HealthChange] {
        guard endpoint < self.count, eject(endpoint, .consecutive(failure, count: count), now) else { return [] }
        return settleEjection(endpoint, now)
    }

    /// The endpoint has answered a request, where it was said to answer none in time: then it did not hang for good.
    public mutating func answersAgain(_ endpoint: Int, now: Int64) -> [HealthChange] {
        guard endpoint < count, case .consecutive(.timeout, _) = endpoints[endpoint].ejection.present?.cause else {
            return []
        }
        endEjection(endpoint, wasNothing: true, now)
        return settle(endpoint, .answered, now)
    }

    /// An interval of `OutlierRules.interval` is over, in which the endpoints did what `volumes` says, in their order.
    ///
    /// Only endpoints that have been available from its beginning to its end are compared: what an endpoint did before it
    /// was taken out was judged then, and is not held against its return.
    public mutating func intervalEnded(volumes: [EndpointVolume], now: Int64) -> [HealthChange] {
        guard let rules, let end = nextInterval else { return [] }
        precondition(volumes.count == count, "\(volumes.count) volumes of \(count) endpoints")
        let inService = (0..<count).filter {
            endpoints[$0].isAvailable && endpoints[$0].availableSince <= intervalBegan
        }
        let outliers =
            OutlierDetection.bySuccessRate(volumes, inService: inService, rules)
            + OutlierDetection.byLatency(volumes, inService: inService, rules)
        var changes: [HealthChange] = []
        for outlier in outliers where eject(outlier.endpoint, outlier.cause, now) {
            changes += settleEjection(outlier.endpoint, now)
        }
        for endpoint in 0..<count { endpoints[endpoint].ejection.intervalEnded(start: intervalBegan) }
        intervalBegan = now
        // From when it was due, so that being late by a moment does not add up; after a standstill from now.
        let interval = max(1, rules.interval.inMicroseconds)
        nextInterval = end + interval > now ? end + interval : now + interval
        return changes
    }

    /// Ejects the endpoint if that is allowed and makes a difference; false when it is not.
    private mutating func eject(_ endpoint: Int, _ cause: EjectionCause, _ now: Int64) -> Bool {
        guard let rules, endpoints[endpoint].isAvailable else { return false }
        let limit = max(1, count * rules.maximumEjectedPercent / 100)
        let othersServing = servingCount - (endpoints[endpoint].isServing ? 1 : 0)
        guard othersServing > 0, ejectedCount < limit || hasReserve(behind: endpoint) else {
            deniedEjections += 1
            return false
        }
        endpoints[endpoint].ejection.begin(cause, rules: rules, now: now)
        ejectedCount += 1
        return true
    }

    /// Whether there is another that is used where none of the endpoint's rank is left: a backup, or one of a later tier. The cap
    /// is for pools that would lose what they serve with.
    private func hasReserve(behind endpoint: Int) -> Bool {
        (0..<count).contains { endpoints[$0].rank > endpoints[endpoint].rank && endpoints[$0].isServing }
    }

    private mutating func settleEjection(_ endpoint: Int, _ now: Int64) -> [HealthChange] {
        guard let cause = endpoints[endpoint].ejection.present?.cause else { return [] }
        return settle(endpoint, .ejection(cause), now)
    }

    /// The time of an ejection is over. It goes on where its endpoint is known not to answer: that would
    /// cost a few requests once more. One that is down besides is out without it.
    mutating func endOrProlong(_ endpoint: Int, _ now: Int64) {
        if let rules, check.probe != .none, endpoints[endpoint].probed.isAvailable,
            endpoints[endpoint].ejection.goesOn(rules, now: now)
        {
            return
        }
        endEjection(endpoint, now)
    }

    /// Whether probes that pass end the ejection: those that have failed during it, since they see the fault; and any where
    /// requests were late, since the endpoint may have been slow with some. They must pass once more as often for each ejection
    /// that came soon before, so that an endpoint whose fault they do not see does not come and go.
    func returns(_ endpoint: Int, after passed: Int) -> Bool {
        let ejection = endpoints[endpoint].ejection
        guard let present = ejection.present, endpoints[endpoint].probed.isAvailable else { return false }
        let isLate = if case .consecutive(.timeout, _) = present.cause { true } else { false }
        guard rules?.returnsOnProbe == true || present.wasSeenByProbes || isLate else { return false }
        return passed >= check.rise * max(1, ejection.count)
    }

    mutating func endEjection(_ endpoint: Int, wasNothing: Bool = false, _ now: Int64) {
        endpoints[endpoint].ejection.end(wasNothing: wasNothing, now: now)
        ejectedCount -= 1
    }

    /// Requests can be sent nowhere: uses those that wait for their first probe.
    mutating func joinAsLastResort(_ now: Int64, _ changes: inout [HealthChange]) {
        for endpoint in 0..<count where endpoints[endpoint].probed.state == .joining {
            endpoints[endpoint].probed.needNotJoin(now: now)
            note(endpoint, .nothingElseLeft, now, &changes)
        }
    }

    /// Requests can be sent nowhere: takes back every endpoint that is out only for its answers.
    mutating func endEjectionsOfLastResort(_ now: Int64, _ changes: inout [HealthChange]) {
        for endpoint in 0..<count {
            let waiting = endpoints[endpoint]
            guard waiting.ejection.present != nil, waiting.probed.isAvailable, waiting.weight > 0 else { continue }
            endEjection(endpoint, now)
            note(endpoint, .nothingElseLeft, now, &changes)
        }
    }
}
