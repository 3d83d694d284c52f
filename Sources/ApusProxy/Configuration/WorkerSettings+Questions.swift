import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// What is asked of the settings alone.
extension WorkerSettings {
    /// Whether that peer is one of `trusted_proxies`. Inlined: a call would copy the settings for it.
    @inline(__always)
    func isTrusted(_ peer: WireAddress) -> Bool {
        guard !rules.trustedProxies.isEmpty else { return false }
        let address = IPAddress(high: peer.high, low: peer.low)
        return rules.trustedProxies.contains { $0.contains(address) }
    }

    /// Whether the peer is one of those that name their clients to the listener by the PROXY protocol.
    @inline(__always)
    func isIntroduced(_ peer: WireAddress, to listener: Int) -> Bool {
        guard !listenerProxies[listener].isEmpty else { return false }
        let address = IPAddress(high: peer.high, low: peer.low)
        return listenerProxies[listener].contains { $0.contains(address) }
    }

    /// Whether a head or a trailer section that was incomplete is to be parsed again, now that more has come: when it may
    /// have become complete, and whenever it has doubled. What is to be refused is refused early, and what trickles costs
    /// no more than two parses of it.
    @inline(never)
    func isWorthParsing(
        _ stretch: Stretch, knownBefore known: Int, _ arena: borrowing BufferArena
    ) -> Bool {
        stretch.count >= rules.headLimits.bytes
            || known.leadingZeroBitCount != stretch.count.leadingZeroBitCount
            || headMayEnd(arena.bytes(stretch.handle, stretch.range), newFrom: known)
    }

    /// The place in the histogram of durations, in microseconds.
    func latencyBucket(of duration: Int64) -> Int {
        let bounds = latencyBounds
        var bucket = 0
        while bucket < bounds.count, duration > bounds[bucket] { bucket += 1 }
        return bucket
    }
}
