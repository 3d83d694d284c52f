import ApusBalancing
import ApusModel

extension Snapshot {
    /// Of each endpoint, the microseconds from probe to probe; nil for those that are not probed: the retired ones, and those
    /// of pools that are retired or have no probes.
    var probeIntervals: [Int64?] {
        let intervals = pools.map { pool in
            pool.health.probe != .none && !pool.isRetired ? pool.health.interval.inMicroseconds : nil
        }
        return endpoints.map { $0.isRetired ? nil : intervals[$0.pool] }
    }

    /// The same while the endpoint is down or unknown; nil for no other.
    var probeDownIntervals: [Int64?] {
        let intervals = pools.map { $0.health.downInterval?.inMicroseconds }
        return endpoints.map { intervals[$0.pool] }
    }
}
