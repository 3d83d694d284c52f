internal import ApusModel
internal import Glibc

/// How an endpoint's share grows after its return: (elapsed / window)^(1 / aggression), at least 1 %, as in Envoy's slow
/// start.
@usableFromInline
struct SlowStartRamp: Sendable {
    /// Microseconds, above 0.
    let window: Int64
    let exponent: Double

    private static let leastShare = 0.01

    /// Nil for a pool without slow start, or whose algorithm has none.
    init?(of pool: Pool) { self.init(pool.slowStart, balance: pool.balance) }

    init?(_ slowStart: SlowStart?, balance: Balance) {
        guard let slowStart, balance.slowStartMethod != .none else { return nil }
        window = slowStart.window.inMicroseconds
        exponent = 1 / slowStart.aggression
        guard window > 0 else { return nil }
    }

    /// The share so long after the return: 1 once the window is over.
    func share(after elapsed: Int64) -> Double {
        guard elapsed < window else { return 1 }
        let fraction = Double(max(0, elapsed)) / Double(window)
        return max(Self.leastShare, exponent == 1 ? fraction : pow(fraction, exponent))
    }
}
