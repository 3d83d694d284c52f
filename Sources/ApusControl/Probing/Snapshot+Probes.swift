import ApusBalancing
import ApusModel

extension Snapshot {
    /// Of each endpoint, the microseconds from probe to probe; nil for those that are not probed: the retired ones, those without an address, and those
    /// of pools that are retired or have no probes.
    var probeIntervals: [Int64?] { endpoints.indices.map(probeInterval) }

    func probeInterval(of endpoint: Int) -> Int64? {
        let pool = endpoints[endpoint].pool
        guard !endpoints[endpoint].isRetired, !endpoints[endpoint].isUnresolved, !pools[pool].isRetired,
            pools[pool].health.probe != .none
        else {
            return nil
        }
        return pools[pool].health.interval.inMicroseconds
    }

    /// The same while the endpoint is out of use or unknown.
    var probeDownIntervals: [Int64?] { endpoints.indices.map(probeDownInterval) }

    func probeDownInterval(of endpoint: Int) -> Int64? {
        pools[endpoints[endpoint].pool].health.pauseWhileDown(among: endpoints.count).inMicroseconds
    }
}
