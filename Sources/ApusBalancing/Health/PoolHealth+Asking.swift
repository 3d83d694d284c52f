internal import ApusModel

/// Where checks only connect, endpoints are asked for more now and then (`HealthCheck.ofTheEjected`).
///
/// Those that are ejected are, whenever they are probed: their kernels accept connections whatever is the matter. That one does
/// not answer says something only if it has answered once. So those that are well are asked as well, until they have answered.
extension PoolHealth {
    /// How often one that is well is asked. At the first time it may have been about to start.
    static var mostAsks: Int { 3 }

    /// Whether the next probe of the endpoint is to ask `HealthCheck.ofTheEjected`.
    public func isToBeAsked(_ endpoint: Int) -> Bool {
        let ejection = endpoints[endpoint].ejection
        if ejection.present != nil { return true }
        guard rules != nil, check.ofTheEjected.probe != check.probe, !ejection.hasAnswered else { return false }
        // Who is not in use until a probe passes is to come as soon as it can.
        guard endpoints[endpoint].probed.isAvailable else { return false }
        // There is less time for it. Where that was too little to connect, it is first seen whether there is a connection.
        return ejection.asksInVain == 0
            || ejection.asksInVain < Self.mostAsks && endpoints[endpoint].probed.hasPassed
    }

    /// The endpoint answered what it was asked.
    public mutating func askSucceeded(_ endpoint: Int, now: Int64) -> [HealthChange] {
        guard endpoint < count else { return [] }
        endpoints[endpoint].ejection.answered()
        return probeSucceeded(endpoint, now: now)
    }

    /// The endpoint did not answer what it was asked. Where the check itself asks for a connection, and there was one, it has
    /// passed.
    public mutating func askFailed(_ endpoint: Int, _ failure: CheckFailure, now: Int64) -> [HealthChange] {
        guard endpoint < count else { return [] }
        guard check.probe == .tcp, !failure.isOfConnecting else { return probeFailed(endpoint, failure, now: now) }
        guard failure.isOfEndpoint else { return [] }
        guard endpoints[endpoint].ejection.present != nil else {
            endpoints[endpoint].ejection.askedInVain()
            return failure.cameAfterConnecting ? probeSucceeded(endpoint, now: now) : []
        }
        endpoints[endpoint].ejection.probeFailed()
        guard failure.cameAfterConnecting else { return [] }
        _ = endpoints[endpoint].probed.probeSucceeded(now: now)
        return settle(endpoint, .probesPassed(1), now)
    }
}
