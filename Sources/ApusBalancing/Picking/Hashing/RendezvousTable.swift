/// A table in which a key's place names its endpoint: the one that scores highest there, by rendezvous hashing (Thaler
/// and Ravishankar, "Using name-based mappings to increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998).
///
/// An endpoint's score at a place is `-weight / ln(h)`, with h from the hash of both, between 0 and 1: each wins as often
/// as its weight says, and an endpoint that joins or leaves moves its own keys and no others.
///
/// A key has one of 65,536 places, or 64 for each endpoint if that is more; a place looks for its winner when it is first
/// asked for, and remembers it. Which endpoints are available plays no part in it, so that an outage forgets nothing
/// (`HashPicker` says where keys go meanwhile).
///
/// Choose it where endpoints come and go often: of the three it moves the fewest keys. Cost: one look-up per pick, and
/// once for each place one step per endpoint; 4 bytes per place; nothing to build.
@usableFromInline
struct RendezvousTable: Sendable {
    /// The winner of each place; -1 where it is not yet known.
    @usableFromInline var winners: [Int32]
    /// The endpoints with a weight, in the order of their names' hashes, which decides between equal scores.
    private let contenders: [Contender]

    private struct Contender: Sendable {
        var hash: UInt64
        var weight: Double
        var index: Int32
    }

    private static let leastPlaces = 65_536
    private static let placesPerEndpoint = 64

    static let empty = RendezvousTable(HashedMembers([]), weights: [])

    init(_ members: HashedMembers, weights: [Int]) {
        contenders = members.order.compactMap { index in
            let weight = weights[Int(index)]
            return weight > 0
                ? Contender(hash: members.hashes[Int(index)], weight: Double(weight), index: index) : nil
        }
        var places = Self.leastPlaces
        while places < Self.placesPerEndpoint * members.count { places *= 2 }
        winners = Array(repeating: -1, count: contenders.isEmpty ? 0 : places)
    }

    @inlinable @inline(__always)
    mutating func owner(_ hash: UInt64) -> Int {
        let place = KeyHash.place(of: hash, among: winners.count)
        if winners[place] < 0 { winners[place] = elected(at: place) }
        return Int(winners[place])
    }

    /// Finds the winner of a place.
    @usableFromInline @inline(never)
    func elected(at place: Int) -> Int32 {
        let salt = KeyHash.mixed(UInt64(place))
        let contenders = contenders.span
        var winner: Int32 = 0
        // The highest -weight / ln(h) is the lowest -ln(h) / weight.
        var least = Double.infinity
        for turn in contenders.indices {
            let contender = contenders[turn]
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
    var sum = 0.0
    for odd in stride(from: 19, through: 1, by: -2) { sum = sum * square + 1 / Double(odd) }
    return exponent * 0.693_147_180_559_945_3 + 2 * ratio * sum
}
