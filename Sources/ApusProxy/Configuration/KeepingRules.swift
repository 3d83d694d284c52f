import ApusBalancing
import ApusModel

/// For how long, and for how many requests, a connection is kept: times in microseconds, `.max` for ever.
struct KeepingRules: BitwiseCopyable {
    private(set) var idle: Int64 = 0
    private(set) var age = Int64.max
    private(set) var requests = Int32.max
    /// Whether there is a limit to age or requests.
    private(set) var limitsUse = false
    /// Those that were made before are made in a way that is no longer right.
    private(set) var renewed = Int64.min

    init() {}

    init(idle: Duration, maxAge: Duration?, maxRequests: Int?) {
        self.idle = idle.inMicroseconds
        age = maxAge?.inMicroseconds ?? .max
        requests = Int32(clamping: maxRequests ?? .max)
        limitsUse = maxAge != nil || maxRequests != nil
    }

    init(_ limits: UpstreamConnectionLimits) {
        self.init(idle: limits.idleTimeout, maxAge: limits.maxAge, maxRequests: limits.maxRequests)
    }

    /// None that was made before is to be used again.
    mutating func renew(at now: Int64) {
        renewed = now
        limitsUse = true
    }

    /// Whether what is there at that time is too old.
    func isRenewed(after time: Int64) -> Bool { renewed >= time }

    /// Goes on from the rules of before.
    func following(_ old: KeepingRules) -> KeepingRules {
        var next = self
        if old.renewed != .min { next.renew(at: old.renewed) }
        return next
    }

    /// How long a connection may be idle now; 0 when it is not to be used again.
    @inline(__always)
    func idleTime(of connection: Connection, now: Int64) -> Int64 {
        limitsUse || connection.promisedIdle > 0 ? limitedTime(of: connection, now: now) : idle
    }

    @inline(never)
    private func limitedTime(of connection: Connection, now: Int64) -> Int64 {
        var time = idle
        if limitsUse {
            guard Int32(connection.carried) < requests else { return 0 }
            // When it was made is known to the second.
            if renewed != .min, connection.age(now) &+ 1_000_000 > now &- renewed { return 0 }
            if age != .max { time = min(time, age - connection.age(now)) }
        }
        if connection.promisedIdle > 0 { time = min(time, Self.trusted(connection.promisedIdle)) }
        return max(0, time)
    }

    /// Of an origin's time we use less: it began to count before the response was here, and a request takes time as well.
    private static func trusted(_ seconds: UInt32) -> Int64 {
        Int64(seconds) * 1_000_000 - min(1_000_000, Int64(seconds) * 500_000)
    }
}
