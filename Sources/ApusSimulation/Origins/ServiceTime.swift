import ApusBalancing

#if canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// How long an origin works on a request: a distribution with a mean and a tail.
public struct ServiceTime: Sendable, Equatable {
    public enum Shape: Sendable, Equatable {
        /// Log-normal, the shape that measured service times most often have: of a hundred requests, the slowest takes
        /// `tail` times as long as the middle one. 1: all take the same time.
        case logNormal(tail: Double)
        /// Exponential, the shape of textbooks; its tail is 6.6.
        case exponential
    }

    /// In microseconds.
    public var mean: Double
    public var shape: Shape

    public init(mean: Duration = .milliseconds(10), shape: Shape = .logNormal(tail: 4)) {
        self.mean = Double(mean.microseconds)
        self.shape = shape
    }

    /// The work of one request, in microseconds, at least 1.
    func draw(_ random: inout SplitMix64) -> VirtualTime {
        let relative: Double
        switch shape {
        case .exponential:
            relative = random.nextExponential()
        case .logNormal(let tail):
            // The standard normal distribution's 99th percentile.
            let deviation = log(tail) / 2.326_347_874
            relative = exp(deviation * random.nextNormal() - deviation * deviation / 2)
        }
        return max(1, VirtualTime((relative * mean).rounded()))
    }
}
