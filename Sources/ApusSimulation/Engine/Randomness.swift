import ApusBalancing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What is left to chance in a run, each purpose with a stream of its own.
///
/// What a request is like (how much work it is, whose it is, which balancer it comes to) depends on the seed and on the
/// request's number alone. Algorithms that are compared on the same seed therefore see the same requests, whatever they
/// do with them: "common random numbers", which removes most of the noise from a comparison (Law, "Simulation Modeling
/// and Analysis", section 11.2).
struct Randomness: Sendable {
    enum Purpose: UInt64 {
        case arrivals = 1
        case requests, errors, balancers, probes
    }

    let seed: UInt64

    /// The stream of a purpose; of one thing of that purpose, if numbered.
    func stream(_ purpose: Purpose, _ number: UInt64 = 0) -> SplitMix64 {
        // Mixed before it becomes a state: states that differ by a multiple of the generator's step would give the same
        // numbers a little later.
        var mix = SplitMix64(seed: seed ^ (purpose.rawValue << 56))
        var second = SplitMix64(seed: mix.next() ^ number)
        return SplitMix64(seed: second.next())
    }
}

extension SplitMix64 {
    /// A number above 0 and up to 1.
    mutating func nextUnit() -> Double { Double((next() >> 11) + 1) * 0x1p-53 }

    /// Of the exponential distribution with mean 1.
    mutating func nextExponential() -> Double { -log(nextUnit()) }

    /// Of the normal distribution with mean 0 and deviation 1 (Box and Muller, 1958).
    mutating func nextNormal() -> Double {
        let radius = (-2 * log(nextUnit())).squareRoot()
        return radius * cos(2 * .pi * nextUnit())
    }
}
