import ApusModel

/// Slow starts, as far as they can be told from outside: each worker's picker has its own (`SlowStartGate`), which begins
/// when it hears of the endpoint's return.
extension PoolHealth {
    /// What an endpoint that has come back gets of its requests at `now`, 0.01 to 1; nil when it is in no slow start.
    public func slowStartShare(_ endpoint: Int, now: Int64) -> Double? {
        guard let end = slowStartEnd(endpoint), now < end, let ramp else { return nil }
        return ramp.share(after: now - (end - ramp.window))
    }

    /// When the endpoint's latest slow start is, or was, over; nil when there was none.
    public func slowStartEnd(_ endpoint: Int) -> Int64? {
        guard let ramp, isServing(endpoint), endpoints[endpoint].servingSince != .min else { return nil }
        return endpoints[endpoint].servingSince + ramp.window
    }
}
