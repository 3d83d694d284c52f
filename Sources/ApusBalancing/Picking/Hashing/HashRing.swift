/// Points on a circle, many for each endpoint: a key belongs to the next one clockwise. Consistent hashing (Karger et
/// al., "Consistent hashing and random trees", STOC 1997) in the manner of ketama.
///
/// An endpoint that joins or leaves moves only the keys between its points and those before them, and while it is down
/// its keys go to the neighbours of its points, one here, one there. The points depend on the endpoint alone and on how
/// its weight compares with the group's largest.
///
/// Choose it for what is known of it elsewhere, and where caches behind it expect a key's second choice to be its
/// neighbour. Cost: a few steps per pick, however many points there are and however many of them are down; 12 bytes per
/// point.
@usableFromInline
struct HashRing: Sendable {
    /// The points, clockwise.
    @usableFromInline private(set) var positions: [UInt32]
    /// The endpoint of each point.
    @usableFromInline private(set) var owners: [Int32]
    /// For each stretch of the circle, all of one length, its first point: hashes are spread evenly, so that a stretch has
    /// about one, and finding a key's point takes fewer steps than a search by halves.
    @usableFromInline private(set) var stretches: [Int32]
    /// How far a position is shifted to the right to give its stretch.
    @usableFromInline let shift: UInt32
    /// The points of candidates, by their place.
    @usableFromInline private(set) var live: EndpointSet
    private let hashes: [UInt64]
    /// How many points each endpoint has on the circle, and how many of them are live: the first so many.
    private let pointCounts: [Int]
    private var liveCounts: [Int]

    /// Points of an endpoint with the largest weight. 2,048 up to 64 endpoints, so that shares differ by half a percent
    /// of the whole, and from there on so many fewer that all together stay about 131,072; at least 80, with which an
    /// endpoint's share is 11% off. ketama has 160 whatever the size.
    static func pointsPerEndpoint(among count: Int) -> Int { max(80, min(2048, (1 << 17) / max(1, count))) }

    static let empty = HashRing(HashedMembers([]), weights: [])

    /// All points are down at first.
    init(_ members: HashedMembers, weights: [Int]) {
        let most = max(1, weights.max() ?? 1)
        let points = Self.pointsPerEndpoint(among: members.count)
        let counts = weights.map { $0 == 0 ? 0 : max(1, (points * $0 + most / 2) / most) }
        let total = counts.reduce(0, +)
        var shift: UInt32 = 32
        while shift > 4, 1 << (32 - shift) < total { shift -= 1 }
        self.shift = shift
        hashes = members.hashes
        pointCounts = counts
        liveCounts = Array(repeating: 0, count: members.count)
        live = EndpointSet(count: total)
        (positions, owners, stretches) = Self.laidOut(members, counts, total: total, shift: shift)
    }

    /// Sorts the points by their stretch, by counting, and then within each.
    private static func laidOut(
        _ members: HashedMembers, _ counts: [Int], total: Int, shift: UInt32
    ) -> ([UInt32], [Int32], [Int32]) {
        var ends = Array(repeating: Int32(0), count: 1 << (32 - Int(shift)) + 1)
        for index in counts.indices {
            for number in 0..<counts[index] {
                ends[stretch(of: position(members.hashes[index], number), shift) + 1] += 1
            }
        }
        for stretch in 1..<ends.count { ends[stretch] += ends[stretch - 1] }
        let starts = ends
        var positions = Array(repeating: UInt32(0), count: total)
        var owners = Array(repeating: Int32(0), count: total)
        // In the order of the names, so that it decides between equal positions.
        for index in members.order {
            for number in 0..<counts[Int(index)] {
                let position = position(members.hashes[Int(index)], number)
                let stretch = stretch(of: position, shift)
                var place = Int(ends[stretch])
                ends[stretch] += 1
                while place > starts[stretch], positions[place - 1] > position {
                    positions[place] = positions[place - 1]
                    owners[place] = owners[place - 1]
                    place -= 1
                }
                positions[place] = position
                owners[place] = index
            }
        }
        return (positions, owners, starts)
    }

    /// Notes how much of its weight an endpoint has now: so much of its points is live, and no other key moves.
    mutating func setShare(_ index: Int, _ share: Double) {
        let target = min(pointCounts[index], Int((Double(pointCounts[index]) * share).rounded(.up)))
        while liveCounts[index] < target {
            live.insert(place(of: index, liveCounts[index]))
            liveCounts[index] += 1
        }
        while liveCounts[index] > target {
            liveCounts[index] -= 1
            live.remove(place(of: index, liveCounts[index]))
        }
    }

    /// The first point at or behind the key's; `owners.count` when none is left before the circle closes.
    @inlinable @inline(__always)
    func point(of hash: UInt64) -> Int {
        let position = UInt32(truncatingIfNeeded: hash &>> 32)
        var place = Int(stretches[Self.stretch(of: position, shift)])
        while place < positions.count, positions[place] < position { place &+= 1 }
        return place
    }

    /// The first live point from `place` on, round the circle; nil when none is live.
    @inlinable @inline(__always)
    func livePoint(from place: Int) -> Int? { live.first(from: place) ?? live.first(from: 0) }

    /// Where the `number`-th point of an endpoint lies on the circle.
    private static func position(_ hash: UInt64, _ number: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: KeyHash.rehashed(hash, number + 1) >> 32)
    }

    @inlinable @inline(__always)
    static func stretch(of position: UInt32, _ shift: UInt32) -> Int { Int(position >> shift) }

    /// The place in `positions` of an endpoint's `number`-th point.
    private func place(of index: Int, _ number: Int) -> Int {
        let position = Self.position(hashes[index], number)
        var place = point(of: UInt64(position) << 32)
        while owners[place] != index { place += 1 }
        return place
    }
}
