import ApusBalancing
import ApusModel

extension Snapshot {
    /// Of each endpoint, the microseconds from probe to probe; nil for those that are not probed: the retired ones, and those
    /// of pools that are retired or have no probes.
    var probeIntervals: [Int64?] {
        endpoints.map { endpoint in
            let pool = pools[endpoint.pool]
            let isProbed = pool.health.probe != .none && !pool.isRetired && !endpoint.isRetired
            return isProbed ? pool.health.interval.inMicroseconds : nil
        }
    }

    /// The same while the endpoint is down or unknown; nil for no other.
    var probeDownIntervals: [Int64?] { endpoints.map { pools[$0.pool].health.downInterval?.inMicroseconds } }
}
