/// The bound of consistent hashing with bounded loads (Mirrokni, Thorup and Zadimoghaddam, SODA 2018): with a factor c an
/// endpoint takes no more than c times its share of all exchanges in flight, rounded up, the one about to start included.
///
/// As long as c is above 1 some candidate is always below its bound. How many are in flight in all is told by
/// `EndpointLoad.total`; where that is nil it is estimated from what each endpoint had when it was last looked at.
@usableFromInline
struct LoadBound: Sendable {
    /// 0 when there is no bound.
    @usableFromInline let factor: Double
    /// What each endpoint had in flight when it was last looked at, and the sum of that.
    @usableFromInline var seen: [Int]
    @usableFromInline var sum = 0
    /// The endpoint that is looked at next.
    @usableFromInline var turn = 0

    /// How many endpoints each pick looks at for the estimate: groups up to this size need none.
    @inlinable static var looks: Int { 16 }

    init(factor: Double?, count: Int) {
        self.factor = factor ?? 0
        seen = Array(repeating: 0, count: factor == nil ? 0 : count)
    }

    @inlinable var isOn: Bool { factor > 0 }

    /// How many exchanges an endpoint may have per unit of its weight: fewer than this, before it takes another.
    @inlinable
    mutating func room<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ load: borrowing Load, candidateWeight: Int
    ) -> Double {
        let total = load.total ?? estimate(load)
        // Less a trace: where the bound is a whole number, rounding must not lift it above.
        return factor * Double(max(0, total) + 1) / Double(max(1, candidateWeight)) * (1 - 1e-12)
    }

    /// Notes what an endpoint has in flight.
    @inlinable
    mutating func note(_ index: Int, _ load: Int) {
        let load = max(0, load)
        sum += load - seen[index]
        seen[index] = load
    }

    @inlinable
    mutating func estimate<Load: EndpointLoad & ~Copyable & ~Escapable>(_ load: borrowing Load) -> Int {
        for _ in 0..<min(Self.looks, seen.count) {
            note(turn, load.load(turn))
            turn = turn + 1 < seen.count ? turn + 1 : 0
        }
        return sum
    }
}
