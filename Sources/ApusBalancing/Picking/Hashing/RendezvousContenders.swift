/// The endpoints among which rendezvous hashing elects (Thaler and Ravishankar, "Using name-based mappings to increase hit
/// rates", IEEE/ACM Transactions on Networking 6(1), 1998): the one that scores highest for a key is its owner.
///
/// An endpoint's score is `-weight / ln(h)`, with h from the hash of both, between 0 and 1: each wins as often as its
/// weight says, and an endpoint that joins or leaves moves its own keys and no others.
struct RendezvousContenders: Sendable {
    /// The endpoints with a weight, in the order of their names' hashes, which decides between equal scores.
    private let contenders: [Contender]

    private struct Contender: Sendable {
        var hash: UInt64
        var weight: Double
        var index: Int32
    }

    init(_ members: HashedMembers, weights: [Int]) {
        contenders = members.order.compactMap { index in
            let weight = weights[Int(index)]
            return weight > 0
                ? Contender(hash: members.hashes[Int(index)], weight: Double(weight), index: index) : nil
        }
    }

    var count: Int { contenders.count }

    /// The endpoint that wins among those from `start` up to `end`, by their hashes with `salt`. One step for each, and a
    /// logarithm whenever one may be better than all before it.
    @inline(__always)
    func elected(_ salt: UInt64, from start: Int, to end: Int) -> Int32 {
        let contenders = contenders.span
        var winner: Int32 = 0
        // The highest -weight / ln(h) is the lowest -ln(h) / weight.
        var least = Double.infinity
        var turn = start
        while turn < end {
            let contender = contenders[turn]
            turn &+= 1
            let hash = KeyHash.mixed(salt ^ contender.hash)
            let unit = (Double(hash &>> 11) + 0.5) * 0x1p-53
            // -ln(h) is at least 1 - h: of most it is known without a logarithm that they lose.
            guard 1 - unit < least * contender.weight else { continue }
            let cost = -logarithm(unit) / contender.weight
            if cost < least {
                least = cost
                winner = contender.index
            }
        }
        return winner
    }
}

/// The natural logarithm of `value`, a normal number above 0.
///
/// In plain arithmetic, because those of system libraries differ in their last bits, and balancers must agree.
func logarithm(_ value: Double) -> Double {
    var fraction = value.significand
    var exponent = Double(value.exponent)
    if fraction > 1.414_213_562_373_095_1 {
        fraction /= 2
        exponent += 1
    }
    // ln(f) = 2 artanh((f - 1) / (f + 1)), whose argument is below 0.172: nine terms leave less than 1e-15.
    let ratio = (fraction - 1) / (fraction + 1)
    let square = ratio * ratio
    var sum = 1.0 / 19
    sum = sum * square + 1.0 / 17
    sum = sum * square + 1.0 / 15
    sum = sum * square + 1.0 / 13
    sum = sum * square + 1.0 / 11
    sum = sum * square + 1.0 / 9
    sum = sum * square + 1.0 / 7
    sum = sum * square + 1.0 / 5
    sum = sum * square + 1.0 / 3
    sum = sum * square + 1
    return exponent * 0.693_147_180_559_945_3 + 2 * ratio * sum
}
