public import ApusModel

/// Picks an endpoint of one pool for one worker: the pool's algorithm, its state, and the endpoints it picks from.
///
/// Each worker owns its own pickers; no call locks, and `pick` neither allocates nor counts references. Indices count
/// within the pool, in its configured order.
///
/// To add an algorithm: one file beside the others with a `pick` of the same shape, a property here, and a case in
/// `init` and `next`. State is kept in one property per algorithm rather than in an enumeration with payloads, because
/// switching over such an enumeration would copy, and so retain, the arrays inside.
public struct PoolPicker: Sendable {
    public let balance: Balance
    public private(set) var endpoints: EndpointTable
    @usableFromInline var roundRobin: RoundRobin
    @usableFromInline var smoothWeighted: SmoothWeightedRoundRobin
    @usableFromInline var leastConnections: LeastConnections

    /// - Parameters:
    ///   - weights: of each endpoint, in the pool's order.
    ///   - worker: which of the workers this is, from 0. The first picks of all workers together are the sequence that
    ///     one worker alone would pick, so that a few requests, spread over many workers, are balanced too.
    ///   - seed: for what is left to chance. Workers with the same seed still draw different numbers.
    public init(_ balance: Balance, weights: [Int], worker: Int, seed: UInt64) {
        self.balance = balance
        endpoints = EndpointTable(weights: weights)
        roundRobin = RoundRobin(start: worker, count: weights.count)
        smoothWeighted = SmoothWeightedRoundRobin(count: balance == .weightedRoundRobin ? weights.count : 0)
        var mix = SplitMix64(seed: seed ^ UInt64(truncatingIfNeeded: worker))
        leastConnections = LeastConnections(seed: mix.next())
        if balance == .weightedRoundRobin {
            for _ in 0..<worker {
                _ = smoothWeighted.pick(from: endpoints, excluding: TriedEndpoints(), load: NoLoad())
            }
        }
    }

    /// The picker of `pool` (an index into `snapshot.pools`) for one worker.
    public init(pool: Int, of snapshot: Snapshot, worker: Int, seed: UInt64) {
        let pool = snapshot.pools[pool]
        self.init(
            pool.balance, weights: snapshot.endpoints[pool.endpoints].map(\.weight), worker: worker, seed: seed)
    }

    /// Notes that the endpoint may, or may no longer, be picked.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        endpoints.setAvailable(index, isAvailable)
    }

    /// The endpoint for the next attempt of an exchange; nil when no candidate is left.
    ///
    /// Never an endpoint that is unavailable, has weight 0 or is saturated. With nil, `endpoints.candidateCount` tells
    /// why: at 0 the pool has no healthy endpoint; above it, all candidates are saturated or were tried.
    ///
    /// - Parameters:
    ///   - tried: endpoints that this exchange has already been sent to.
    ///   - orTried: whether one that was tried may be picked when nothing else is left.
    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        load: borrowing Load, excluding tried: TriedEndpoints = TriedEndpoints(), orTried: Bool = false
    ) -> Int? {
        if let index = next(load: load, excluding: tried) { return index }
        return orTried && !tried.isEmpty ? next(load: load, excluding: TriedEndpoints()) : nil
    }

    @inlinable
    mutating func next<Load: EndpointLoad & ~Copyable & ~Escapable>(
        load: borrowing Load, excluding tried: TriedEndpoints
    ) -> Int? {
        switch balance {
        case .roundRobin: roundRobin.pick(from: endpoints, excluding: tried, load: load)
        case .weightedRoundRobin: smoothWeighted.pick(from: endpoints, excluding: tried, load: load)
        case .leastConnections: leastConnections.pick(from: endpoints, excluding: tried, load: load)
        }
    }
}

/// The load of endpoints on which nothing is in flight.
private struct NoLoad: EndpointLoad {
    func load(_ index: Int) -> Int { 0 }
}
