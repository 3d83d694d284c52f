public import ApusModel

/// Picks among endpoints that are alike in rank, by one algorithm: the algorithm's state, and the endpoints.
///
/// A pool is one such group, or several when it has tiers or zones (`PoolPicker`). Each worker owns its own; no call
/// locks, and `pick` neither allocates nor counts references. Indices count within the group.
///
/// To add an algorithm: one file beside the others with a `pick` of the same shape, a property here, and a case in
/// `init` and `pick`. State is kept in one property per algorithm rather than in an enumeration with payloads, because
/// switching over such an enumeration would copy, and so retain, the arrays inside.
public struct GroupPicker: Sendable {
    public let balance: Balance
    public private(set) var endpoints: EndpointTable
    @usableFromInline var roundRobin: RoundRobin
    @usableFromInline var smoothWeighted: SmoothWeightedRoundRobin
    @usableFromInline var leastConnections: LeastConnections

    /// - Parameters:
    ///   - members: the endpoints of the group.
    ///   - worker: which of the workers this is, from 0. The first picks of all workers together are the sequence that
    ///     one worker alone would pick, so that a few requests, spread over many workers, are balanced too.
    ///   - seed: for what is left to chance. Workers with the same seed still draw different numbers.
    public init(_ balance: Balance, hash: HashRules, members: [GroupMember], worker: Int, seed: UInt64) {
        self.balance = balance
        let weights = members.map(\.weight)
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

    // MARK: Changes

    /// Notes that the endpoint may, or may no longer, be picked.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        endpoints.setAvailable(index, isAvailable)
    }

    // MARK: Picks

    /// The endpoint for the next attempt of an exchange; nil when no candidate is left.
    ///
    /// Never an endpoint that is unavailable, has weight 0, is saturated or was tried. With nil,
    /// `endpoints.candidateCount` tells why: at 0 nobody is there; above it, all candidates are saturated or were tried.
    ///
    /// - Parameters:
    ///   - hash: of the request's key (`KeyHash`), for `Balance.hash`; nil when it has none.
    ///   - tried: endpoints that this exchange has already been sent to.
    ///   - now: in microseconds.
    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        hash: UInt64?, load: borrowing Load, excluding tried: TriedEndpoints, now: Int64
    ) -> Int? {
        switch balance {
        case .roundRobin: roundRobin.pick(from: endpoints, excluding: tried, load: load)
        case .weightedRoundRobin: smoothWeighted.pick(from: endpoints, excluding: tried, load: load)
        case .leastConnections: leastConnections.pick(from: endpoints, excluding: tried, load: load)
        default: roundRobin.pick(from: endpoints, excluding: tried, load: load)
        }
    }

    // MARK: What became of them

    /// An exchange of this worker has begun on the endpoint. Only asked for where `Balance.looksAtLoad`.
    ///
    /// - Parameter load: the endpoint's exchanges in flight now, over all workers.
    @inlinable
    public mutating func started(_ index: Int, load: Int) {}

    /// An exchange of this worker has ended on the endpoint, however it did. Only asked for where `Balance.looksAtLoad`.
    @inlinable
    public mutating func ended(_ index: Int, load: Int) {}

    /// The endpoint's response has begun, so many microseconds after the request was sent; an attempt that failed or ran
    /// out of time counts with the time that it took. Only asked for where `Balance.looksAtTime`.
    @inlinable
    public mutating func answered(_ index: Int, after microseconds: Int64, now: Int64) {}
}

/// What a picker must know of an endpoint from the start.
public struct GroupMember: Sendable, Hashable {
    /// The endpoint's name, by which hashes know it: the same on every balancer, whatever its place in the pool.
    public var name: String
    /// 0 to 65,535.
    public var weight: Int

    public init(name: String, weight: Int) {
        self.name = name
        self.weight = weight
    }
}

/// The load of endpoints on which nothing is in flight.
struct NoLoad: EndpointLoad {
    func load(_ index: Int) -> Int { 0 }
}
