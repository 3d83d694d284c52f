/// Draws candidates at random, all alike or by weight: what every algorithm with chance in it stands on.
///
/// All alike, a draw takes one number out of the table's list of candidates. By weight it takes one column of an
/// `AliasTable` (unless all weights are the same) and is repeated when that hits an endpoint that is no candidate, or the
/// part of a weight that is gone:
///
/// - The table is built over all endpoints, or, while the candidates have less than half of the weight, over the
///   candidates. It is rebuilt at once when less than half of what it was built for is left, so that two draws suffice
///   on average; an endpoint that goes, or loses weight, costs nothing until then.
/// - Weight that is new (an endpoint that the table lacks, or one that is heavier than it was) waits for the next
///   building until as many picks as a quarter of the endpoints have passed, so that building costs a few steps per
///   pick even while slow starts change weights all the time. What an endpoint may grow by without that is doubled each
///   time, so that one that starts slowly has the table built again a few times and not at every change.
///
/// When 32 draws in a row were tried or saturated, all candidates are looked at, once, for a choice that is still exact.
public struct CandidateDraw: Sendable {
    @usableFromInline static var attempts: Int { 32 }

    @usableFromInline
    struct Share: Sendable, BitwiseCopyable {
        /// The weight that the table has for the endpoint.
        @usableFromInline var built: Int32 = 0
        /// What of it the endpoint has now: 0 while it is no candidate.
        @usableFromInline var present: Int32 = 0
    }

    @usableFromInline let isWeighted: Bool
    @usableFromInline var table = AliasTable()
    @usableFromInline var shares: [Share]
    /// The sum of `present`.
    private var present = 0
    /// Whether there is weight that the table lacks.
    @usableFromInline private(set) var hasGrown = true
    /// Whether less than half of the table's weight is left.
    @usableFromInline private(set) var isThin = true
    /// Draws until the table may be built again for weight that is new.
    @usableFromInline var rest = 0
    /// The weights to build with, kept to build without allocating.
    private var weights: [Int32] = []

    /// - Parameter isWeighted: whether weights make a difference.
    init(_ endpoints: EndpointTable, isWeighted: Bool) {
        self.isWeighted = isWeighted
        shares = Array(repeating: Share(), count: isWeighted ? endpoints.count : 0)
        if isWeighted, !endpoints.isUniform { rebuild(endpoints) }
    }

    /// Notes that the endpoint's weight has changed, or its being a candidate.
    mutating func changed(_ index: Int, in endpoints: EndpointTable) {
        guard isWeighted else { return }
        let weight = endpoints.isCandidate(index) ? Int32(endpoints.weight(index)) : 0
        let share = min(weight, shares[index].built)
        present += Int(share) - Int(shares[index].present)
        shares[index].present = share
        if weight > shares[index].built { hasGrown = true }
        isThin = present * 2 < table.total || present == 0
    }

    /// A candidate that was not tried, is not saturated and is not `other`, at random; nil when there is none.
    ///
    /// Ask for a further one only where there are more candidates than were drawn: in vain it costs 32 draws and a look at all.
    ///
    /// - Parameter other: one that was drawn already. To put it into `tried` instead would not do: that remembers only a few
    ///   of a large group (`TriedEndpoints`), and would forget who was tried.
    @inlinable
    mutating func draw<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, other: Int = -1,
        load: borrowing Load, random: inout SplitMix64
    ) -> Int? {
        let count = endpoints.candidateCount
        guard count > 0 else { return nil }
        let isUniform = !isWeighted || endpoints.isUniform
        if !isUniform, isThin || hasGrown { prepare(endpoints) }
        for _ in 0..<Self.attempts {
            let index: Int
            if isUniform {
                index = endpoints.candidate(at: random.next(below: count))
            } else {
                index = table.draw(&random)
                let share = shares[index]
                guard share.present == share.built || random.next(below: Int(share.built)) < Int(share.present) else {
                    continue
                }
            }
            if index == other || tried.contains(index) || load.isSaturated(index) { continue }
            return index
        }
        return search(endpoints, excluding: tried, other: other, load: load, random: &random)
    }

    /// The same by looking at every candidate: the n-th takes the place by its part of the weight up to it, which leaves
    /// all as likely as they should be.
    @inlinable
    func search<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, other: Int, load: borrowing Load,
        random: inout SplitMix64
    ) -> Int? {
        var chosen: Int?
        var total = 0
        var walk = CandidateWalk()
        while let index = endpoints.next(&walk) {
            if index == other || tried.contains(index) || load.isSaturated(index) { continue }
            let weight = isWeighted ? endpoints.weight(index) : 1
            total &+= weight
            if random.next(below: total) < weight { chosen = index }
        }
        return chosen
    }

    /// Builds the table again if it must be, or if it is time to.
    @usableFromInline
    mutating func prepare(_ endpoints: borrowing EndpointTable) {
        rest -= 1
        guard isThin || rest <= 0 else { return }
        rebuild(copy endpoints)
    }

    private mutating func rebuild(_ endpoints: EndpointTable) {
        var total = 0
        for index in 0..<endpoints.count { total += endpoints.weight(index) }
        let includesAll = endpoints.candidateWeight * 2 >= total
        if weights.count != endpoints.count { weights = Array(repeating: 0, count: endpoints.count) }
        for index in 0..<endpoints.count {
            let weight = Int32(endpoints.weight(index))
            let built = shares[index].built
            let hasRoom = built > 0 && weight > built
            let isIn = includesAll || endpoints.isCandidate(index)
            weights[index] = isIn ? (hasRoom ? max(weight, min(2 * built, 65_535)) : weight) : 0
        }
        table.build(weights)
        present = 0
        for index in 0..<endpoints.count {
            let share = endpoints.isCandidate(index) ? min(Int32(endpoints.weight(index)), weights[index]) : 0
            shares[index] = Share(built: weights[index], present: share)
            present += Int(share)
        }
        hasGrown = false
        isThin = false
        rest = endpoints.count / 4
    }
}
