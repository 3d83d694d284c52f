/// Round robin by weight, without bursts: weights 5, 1, 1 give a a b a c a a, never a a a a a b c.
///
/// The algorithm is the one that nginx uses for its upstreams: each candidate gains its weight, the richest is picked
/// and pays what all gained together. Over any full cycle every endpoint is picked exactly as often as its weight
/// says. An endpoint that is down neither gains nor pays and continues where it stood.
///
/// What an endpoint is owed is a fraction of a pick: its credit over the candidates' total weight. When that total
/// changes, because a weight does or because an endpoint comes or goes, all credits are scaled to it. Without that, an
/// endpoint of weight 1 that has just paid beside one of 1,000 would, with the heavy one gone, be passed over for a
/// thousand picks.
///
/// Cost: one step per candidate, whatever the weights. `WeightedRoundRobin` uses it for small groups.
public struct SmoothWeightedRoundRobin: Sendable {
    /// What each endpoint has gained less what it has paid.
    @usableFromInline var credit: [Int]
    /// The candidates' total weight that the credits are relative to.
    private var total: Int

    init(_ endpoints: EndpointTable) {
        credit = Array(repeating: 0, count: endpoints.count)
        total = endpoints.candidateWeight
    }

    /// Notes that the endpoint's weight has changed, from `old`, or its being a candidate.
    mutating func changed(_ index: Int, from old: Int, in endpoints: EndpointTable) {
        if old == 0, endpoints.isCandidate(index) {
            // It was drained, and what it had is worth nothing now: it comes in as one who is owed what others are owed.
            let others = endpoints.candidateCount - 1
            var sum = 0
            var walk = CandidateWalk()
            credit[index] = 0
            while let each = endpoints.next(&walk) { sum += credit[each] }
            credit[index] = others == 0 ? 0 : sum / others
        }
        let now = endpoints.candidateWeight
        guard now != total, now > 0 else { return }
        if total > 0 {
            for each in credit.indices { credit[each] = credit[each] * now / total }
        }
        total = now
    }

    // MARK: A reload

    /// What each endpoint is owed stays the same fraction of a pick; one that is new is owed what the others are on average.
    mutating func inherit(from old: SmoothWeightedRoundRobin, _ survivors: Survivors, in endpoints: EndpointTable) {
        let known = survivors.toOld.filter { $0 >= 0 }.map { old.credit[Int($0)] }
        guard !known.isEmpty, old.total > 0 else { return }
        let now = endpoints.candidateWeight > 0 ? endpoints.candidateWeight : old.total
        // Only differences count, and the mean must not wander off with those that go.
        let mean = known.reduce(0, +) / known.count
        credit = survivors.renamed(old.credit, else: mean).map { ($0 - mean) * now / old.total }
        total = now
    }

    /// What part of its period each endpoint still waits for its next pick.
    var waits: [Double?] {
        let most = credit.max() ?? 0
        return credit.map { min(1, Double(most - $0) / Double(max(1, total))) }
    }

    /// Goes on where endpoints wait for such parts of their periods; nil for one that is new.
    mutating func wait(_ waits: [Double?]) {
        credit = waits.map { -Int(($0 ?? 0.5) * Double(total)) }
    }

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        var credit = self.credit.mutableSpan
        var richest: Int?
        var most = Int.min
        var gained = 0
        var walk = CandidateWalk()
        while let index = endpoints.next(&walk) {
            if tried.contains(index) || load.isSaturated(index) { continue }
            let weight = endpoints.weight(index)
            gained &+= weight
            credit[index] &+= weight
            if credit[index] > most {
                most = credit[index]
                richest = index
            }
        }
        if let richest { credit[richest] &-= gained }
        return richest
    }
}
