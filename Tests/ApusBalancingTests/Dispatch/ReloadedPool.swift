import ApusAddresses
import ApusBalancing
import ApusModel

/// One pool of one worker through reloads: what the worker and the control plane do, without the sockets.
struct ReloadedPool {
    struct Member: Hashable {
        /// Its last octet, by which it is known.
        var id: Int
        var weight = 1
        var tier = 0
    }

    var snapshot: Snapshot
    var dispatcher: PoolDispatcher
    private let change: (inout Pool) -> Void

    init(_ members: [Member], seed: UInt64 = 1, change: @escaping (inout Pool) -> Void = { _ in }) {
        self.change = change
        snapshot = Self.snapshot(members, change)
        dispatcher = PoolDispatcher(pool: 0, of: snapshot, worker: 0, seed: seed, now: 0)
    }

    init(_ ids: some Sequence<Int>, seed: UInt64 = 1, change: @escaping (inout Pool) -> Void = { _ in }) {
        self.init(ids.map { Member(id: $0) }, seed: seed, change: change)
    }

    static func snapshot(_ members: [Member], _ change: (inout Pool) -> Void) -> Snapshot {
        var pool = Pool(name: "p", endpoints: 0..<members.count)
        change(&pool)
        return Snapshot(
            workers: 1, listeners: [], routes: [], pools: [pool],
            endpoints: members.map { member in
                Endpoint(
                    name: "10.0.\(member.id / 256).\(member.id % 256):80",
                    address: SocketAddress(ip: IPAddress(ipv4: 0x0a00_0000 + UInt32(member.id)), port: 80),
                    weight: member.weight, pool: 0, tier: member.tier,
                    sessionToken: Array("t\(member.id + 10_000)".utf8))
            })
    }

    /// The in-pool indices then and now.
    @discardableResult
    mutating func reload(
        _ members: [Member], now: Int64 = 0, census: Census? = nil, change: ((inout Pool) -> Void)? = nil
    ) -> Renaming {
        let succession = Succession(
            from: snapshot, to: Self.snapshot(members, change ?? self.change), census: census)
        let renaming = succession.members(ofPool: 0)
        snapshot = succession.snapshot
        var next = PoolDispatcher(pool: 0, of: snapshot, worker: 0, seed: 0x5eed, now: now)
        next.inherit(from: &dispatcher, members: renaming, now: now)
        dispatcher = next
        return renaming
    }

    @discardableResult
    mutating func reload(
        ids: some Sequence<Int>, now: Int64 = 0, census: Census? = nil, change: ((inout Pool) -> Void)? = nil
    ) -> Renaming {
        reload(ids.map { Member(id: $0) }, now: now, census: census, change: change)
    }

    func id(_ index: Int) -> Int { Int(snapshot.endpoints[index].address.ip.low & 0xffff) }

    func isRetired(_ index: Int) -> Bool { snapshot.endpoints[index].isRetired }

    /// The endpoint that a request goes to, by its last octet; nil when there is none.
    mutating func pick(
        _ request: PickRequest = PickRequest(), load: some EndpointLoad = Idle(),
        excluding tried: TriedEndpoints = TriedEndpoints(), now: Int64 = 0
    ) -> Int? {
        guard
            case .endpoint(let index) = dispatcher.choose(
                request, load: load, excluding: tried, orTried: false, now: now)
        else { return nil }
        return id(index)
    }

    /// How often each was picked.
    mutating func counts(_ picks: Int, now: Int64 = 0) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for _ in 0..<picks {
            if let id = pick(now: now) { counts[id, default: 0] += 1 }
        }
        return counts
    }
}
