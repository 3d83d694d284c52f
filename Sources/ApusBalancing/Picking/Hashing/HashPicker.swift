public import ApusModel

/// The endpoint of a key: the same for the same key, on every balancer, for as long as the endpoint is a candidate.
///
/// Endpoints are known by their names, so that neither their order nor their number matters to where most keys go. A key
/// has an order of its own in which it would like the endpoints, and goes to the first that is a candidate, has not been
/// tried, is not saturated and is not above its bound (`HashRules.loadFactor`):
///
/// - with `ring`, the next points clockwise;
/// - with `maglev` and `rendezvous`, the owner of the key, and then those that further hashes of the key lead to. Their
///   tables and trees are of all endpoints and stay as they are while some are down: only the keys of those move, each to
///   an endpoint of its own, and back as soon as they are up; no change of health costs more than a bit.
///
/// After 64 such steps, which is seldom unless nearly all endpoints are down or busy, the candidates are taken as they
/// come in the order of their names' hashes, from a place that the key decides. If every candidate that is left is at its
/// bound, it is waived rather than the request refused: that happens only when others were tried or are saturated.
///
/// An endpoint with less weight than the tables were made for keeps so much of its keys (of its points on the ring) as it
/// has of its weight, and the rest move on: weights can change at any time. More weight than ever before makes the tables
/// anew, at the cost that building them has.
///
/// Choose it when an endpoint answers better what it has answered before, as caches do. Cost: one look-up, at
/// its method's cost, or as many more as it takes to meet a candidate: two on average when half of the endpoints are down.
public struct HashPicker: Sendable {
    @usableFromInline let method: HashRules.Method
    @usableFromInline var maglev = MaglevTable.empty
    @usableFromInline var rendezvous = RendezvousHash.empty
    @usableFromInline var ring = HashRing.empty
    @usableFromInline let members: HashedMembers
    /// The weights that the tables were made for.
    private var builtWeights: [Int]
    /// The share of its keys that each endpoint keeps: all but `thinnedCount` keep all.
    @usableFromInline private(set) var kept: [UInt32]
    @usableFromInline private(set) var thinnedCount = 0
    /// The candidates by their place in the order of names.
    @usableFromInline private(set) var standby: EndpointSet
    private let places: [Int32]
    @usableFromInline var bound: LoadBound

    /// - Parameter endpoints: of the members, in their order.
    public init(_ rules: HashRules, members: [GroupMember], endpoints: borrowing EndpointTable) {
        method = rules.method
        let hashed = HashedMembers(members)
        self.members = hashed
        builtWeights = members.map(\.weight)
        kept = Array(repeating: .max, count: members.count)
        standby = EndpointSet(count: members.count)
        var places = Array(repeating: Int32(0), count: members.count)
        for (place, index) in hashed.order.enumerated() { places[Int(index)] = Int32(place) }
        self.places = places
        bound = LoadBound(factor: rules.loadFactor, count: members.count)
        build(endpoints)
    }

    // MARK: Changes

    /// Notes that the endpoint's weight, or whether it is available, may have changed.
    public mutating func changed(_ index: Int, in endpoints: borrowing EndpointTable) {
        guard endpoints.weight(index) <= builtWeights[index] else {
            builtWeights[index] = endpoints.weight(index)
            return build(endpoints)
        }
        refresh(index, endpoints)
    }

    /// Notes the same of several endpoints; at most one table is built.
    mutating func changed(_ indices: [Int], in endpoints: borrowing EndpointTable) {
        var isHeavier = false
        for index in indices where endpoints.weight(index) > builtWeights[index] {
            builtWeights[index] = endpoints.weight(index)
            isHeavier = true
        }
        if isHeavier { return build(endpoints) }
        for index in indices { refresh(index, endpoints) }
    }

    /// Whether the other's tables are of the same endpoints by the same rules.
    func isAlike(_ other: HashPicker) -> Bool {
        method == other.method && bound.factor == other.bound.factor && members.hashes == other.members.hashes
    }

    private mutating func build(_ endpoints: borrowing EndpointTable) {
        switch method {
        case .maglev: maglev = MaglevTable(members, weights: builtWeights)
        case .rendezvous: rendezvous = RendezvousHash(members, weights: builtWeights)
        case .ring: ring = HashRing(members, weights: builtWeights)
        }
        for index in builtWeights.indices { refresh(index, endpoints) }
    }

    private mutating func refresh(_ index: Int, _ endpoints: borrowing EndpointTable) {
        let isCandidate = endpoints.isCandidate(index)
        let weight = isCandidate ? endpoints.weight(index) : 0
        let place = Int(places[index])
        if isCandidate { standby.insert(place) } else { standby.remove(place) }

        let share = builtWeights[index] == 0 ? 0 : Double(weight) / Double(builtWeights[index])
        guard method != .ring else { return ring.setShare(index, share) }
        // An endpoint that is down is passed over as such, and need not be thinned out.
        let keeps = isCandidate ? UInt32(share * Double(UInt32.max)) : .max
        thinnedCount += (keeps == .max ? 0 : 1) - (kept[index] == .max ? 0 : 1)
        kept[index] = keeps
    }

    // MARK: Picks

    /// How many places, or points, of a key are looked at.
    @inlinable @inline(__always)
    static var reach: Int { 64 }

    /// The endpoint for a request whose key has this hash (`KeyHash`); nil when no candidate is left.
    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ hash: UInt64, from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        guard bound.isOn else { return first(of: hash, from: endpoints, excluding: tried, load: load, room: .infinity) }
        let room = bound.room(load, candidateWeight: endpoints.candidateWeight)
        guard
            let index = first(of: hash, from: endpoints, excluding: tried, load: load, room: room)
                ?? first(of: hash, from: endpoints, excluding: tried, load: load, room: .infinity)
        else { return nil }
        bound.note(index, load.load(index) &+ 1)
        return index
    }

    @inlinable
    mutating func first<Load: EndpointLoad & ~Copyable & ~Escapable>(
        of hash: UInt64, from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints,
        load: borrowing Load, room: Double
    ) -> Int? {
        guard endpoints.candidateCount > 0 else { return nil }
        if method == .ring {
            var place = ring.point(of: hash)
            for _ in 0..<Self.reach {
                guard let point = ring.livePoint(from: place) else { break }
                let index = Int(ring.owners[point])
                if Self.takes(index, endpoints, tried, load, room) { return index }
                place = point &+ 1
            }
        } else {
            var probe = hash
            for number in 1...Self.reach {
                let index = method == .maglev ? maglev.owner(probe) : rendezvous.owner(probe)
                if endpoints.isCandidate(index), keeps(index, probe), Self.takes(index, endpoints, tried, load, room) {
                    return index
                }
                probe = KeyHash.rehashed(hash, number)
            }
        }
        return standIn(of: hash, from: endpoints, excluding: tried, load: load, room: room)
    }

    @inlinable @inline(never)
    func standIn<Load: EndpointLoad & ~Copyable & ~Escapable>(
        of hash: UInt64, from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints,
        load: borrowing Load, room: Double
    ) -> Int? {
        var place = KeyHash.place(of: KeyHash.mixed(hash), among: members.order.count)
        for _ in 0..<endpoints.candidateCount {
            guard let here = standby.first(from: place) ?? standby.first(from: 0) else { return nil }
            let index = Int(members.order[here])
            if Self.takes(index, endpoints, tried, load, room) { return index }
            place = here &+ 1
        }
        return nil
    }

    /// Whether the endpoint keeps keys with this hash; its high bits have chosen the place, its low bits decide here.
    @inlinable @inline(__always)
    func keeps(_ index: Int, _ hash: UInt64) -> Bool {
        thinnedCount == 0 || UInt32(truncatingIfNeeded: hash) <= kept[index]
    }

    @inlinable @inline(__always)
    static func takes<Load: EndpointLoad & ~Copyable & ~Escapable>(
        _ index: Int, _ endpoints: borrowing EndpointTable, _ tried: TriedEndpoints, _ load: borrowing Load,
        _ room: Double
    ) -> Bool {
        guard !tried.contains(index), !load.isSaturated(index) else { return false }
        return room == .infinity || Double(load.load(index)) < room * Double(endpoints.weight(index))
    }
}
