public import ApusModel

/// Picks among endpoints that are alike in rank, by one algorithm: the algorithm's state, and the endpoints.
///
/// A pool is one such group, or several when it has tiers or zones (`PoolPicker`). Each worker owns its own; no call
/// locks, and `pick` neither allocates nor counts references. Indices count within the group.
///
/// To add an algorithm: one file beside the others with a `pick` of the same shape; a property here, its line in `init`, and
/// its cases where the compiler asks for them, here and in GroupPicker+Reload. State is kept in one property per algorithm
/// rather than in an enumeration with payloads, because switching over such an enumeration would copy, and so retain, the
/// arrays inside.
public struct GroupPicker: Sendable {
    public let balance: Balance
    public private(set) var endpoints: EndpointTable
    @usableFromInline var roundRobin: RoundRobin
    @usableFromInline var weightedRoundRobin: WeightedRoundRobin
    @usableFromInline var random: RandomChoice
    @usableFromInline var leastConnections: LeastConnections
    @usableFromInline var leastRequests: LeastRequests
    @usableFromInline var peakEWMA: PeakEWMA
    @usableFromInline var leastTime: LeastTime
    @usableFromInline var firstFit: FirstFit
    @usableFromInline var hashing: HashPicker

    /// - Parameters:
    ///   - members: the endpoints of the group.
    ///   - worker: which of the workers this is, from 0. An algorithm that goes by turns begins at another place in each (for
    ///     round robin see `PoolPicker.start`), so that a few requests, spread over many workers, are balanced too.
    ///   - seed: for what is left to chance. Workers with the same seed still draw different numbers.
    public init(_ balance: Balance, hash: HashRules, members: [GroupMember], worker: Int, seed: UInt64) {
        self.balance = balance
        let weights = members.map(\.weight)
        let endpoints = EndpointTable(weights: weights)
        let nobody = EndpointTable(weights: [])
        var mix = SplitMix64(seed: seed ^ UInt64(truncatingIfNeeded: worker))
        let seed = mix.next()
        // Only the algorithm that is used keeps something for each endpoint.
        func table(of balances: Balance...) -> EndpointTable { balances.contains(balance) ? endpoints : nobody }
        roundRobin = RoundRobin(start: worker, count: weights.count)
        weightedRoundRobin = WeightedRoundRobin(
            table(of: .weightedRoundRobin), skipping: balance == .weightedRoundRobin ? worker : 0)
        random = RandomChoice(
            table(of: .random, .weightedRandom), isWeighted: balance == .weightedRandom, seed: seed)
        leastConnections = LeastConnections(table(of: .leastConnections), seed: seed)
        leastRequests = LeastRequests(table(of: .leastRequests), seed: seed)
        peakEWMA = PeakEWMA(table(of: .peakEWMA), seed: seed)
        leastTime = LeastTime(table(of: .leastTime), seed: seed)
        firstFit = FirstFit(table(of: .first))
        hashing = HashPicker(hash, members: balance == .hash ? members : [], endpoints: endpoints)
        self.endpoints = endpoints
    }

    // MARK: Changes

    /// Notes that the endpoint may, or may no longer, be picked.
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        guard endpoints.isAvailable(index) != isAvailable else { return }
        endpoints.setAvailable(index, isAvailable)
        changed(index, from: endpoints.weight(index))
    }

    /// Notes the endpoint's weight from now on, 0 to 65,535: at 0 it is picked no more.
    ///
    /// No algorithm makes a jump then, or forgets what it knows of the endpoint. One that ignores weights still respects 0.
    public mutating func setWeight(_ index: Int, _ weight: Int) {
        let old = endpoints.weight(index)
        guard old != weight else { return }
        endpoints.setWeight(index, weight)
        changed(index, from: old)
    }

    /// Notes weights and availability of all endpoints at once.
    mutating func adopt(_ use: (Int) -> (weight: Int, isAvailable: Bool)) {
        var changed: [Int] = []
        for index in 0..<endpoints.count {
            let (weight, isAvailable) = use(index)
            let old = endpoints.weight(index)
            guard old != weight || endpoints.isAvailable(index) != isAvailable else { continue }
            endpoints.setWeight(index, weight)
            endpoints.setAvailable(index, isAvailable)
            if balance == .hash { changed.append(index) } else { self.changed(index, from: old) }
        }
        if balance == .hash { hashing.changed(changed, in: endpoints) }
    }

    /// Tells the algorithm that the endpoint's weight has changed, from `old`, or its being a candidate.
    private mutating func changed(_ index: Int, from old: Int) {
        switch balance {
        case .roundRobin: break
        case .weightedRoundRobin: weightedRoundRobin.changed(index, from: old, in: endpoints)
        case .random, .weightedRandom: random.changed(index, in: endpoints)
        case .leastConnections: leastConnections.changed(index, in: endpoints)
        case .leastRequests: leastRequests.changed(index, in: endpoints)
        case .peakEWMA: peakEWMA.changed(index, in: endpoints)
        case .leastTime: leastTime.changed(index, in: endpoints)
        case .first: firstFit.changed(index, in: endpoints)
        case .hash: hashing.changed(index, in: endpoints)
        }
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
        case .weightedRoundRobin: weightedRoundRobin.pick(from: endpoints, excluding: tried, load: load)
        case .random, .weightedRandom: random.pick(from: endpoints, excluding: tried, load: load)
        case .leastConnections: leastConnections.pick(from: endpoints, excluding: tried, load: load)
        case .leastRequests: leastRequests.pick(from: endpoints, excluding: tried, load: load)
        case .peakEWMA: peakEWMA.pick(from: endpoints, excluding: tried, load: load, now: now)
        case .leastTime: leastTime.pick(from: endpoints, excluding: tried, load: load, now: now)
        case .first: firstFit.pick(from: endpoints, excluding: tried, load: load)
        case .hash:
            if let hash {
                hashing.pick(hash, from: endpoints, excluding: tried, load: load)
            } else {
                roundRobin.pick(from: endpoints, excluding: tried, load: load)
            }
        }
    }

    // MARK: What became of them

    /// An exchange of this worker has begun on the endpoint. Only called where `Balance.looksAtLoad` (`PoolDispatcher`).
    ///
    /// - Parameter load: the endpoint's exchanges in flight now, over all workers.
    @inlinable
    public mutating func started(_ index: Int, load: Int) {
        switch balance {
        case .leastConnections: leastConnections.started(index, load: load, in: endpoints)
        case .peakEWMA: peakEWMA.started(index)
        case .leastTime: leastTime.started(index, load: load, in: endpoints)
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastRequests, .first, .hash: break
        }
    }

    /// An exchange of this worker has ended on the endpoint, however it did. Only asked for where `Balance.looksAtLoad`.
    @inlinable
    public mutating func ended(_ index: Int, load: Int) {
        switch balance {
        case .leastConnections: leastConnections.ended(index, load: load, in: endpoints)
        case .peakEWMA: peakEWMA.ended(index)
        case .leastTime: leastTime.ended(index, load: load, in: endpoints)
        case .first: firstFit.changed(index, in: endpoints)
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastRequests, .hash: break
        }
    }

    /// The endpoint's response has begun, so many microseconds after the request was sent; an attempt that failed or ran
    /// out of time counts with the time that it took. Only asked for where `Balance.looksAtTime`.
    @inlinable
    public mutating func answered(_ index: Int, after microseconds: Int64, isFailure: Bool = false, now: Int64) {
        switch balance {
        case .peakEWMA: peakEWMA.answered(index, after: microseconds, isFailure: isFailure, now: now)
        case .leastTime: leastTime.answered(index, after: microseconds, isFailure: isFailure, in: endpoints, now: now)
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastConnections, .leastRequests, .first,
            .hash:
            break
        }
    }
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
