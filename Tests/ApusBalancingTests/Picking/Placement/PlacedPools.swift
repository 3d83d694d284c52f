import ApusAddresses
import ApusBalancing
import ApusModel
import Testing

/// Where an endpoint of a test's pool stands.
struct Place {
    var weight = 1
    var tier = 0
    var isBackup = false
    var zone: String?
}

extension PoolPicker {
    /// The picker of a pool with such endpoints, named e0, e1 and so on.
    init(
        _ places: [Place], balance: Balance = .roundRobin, hash: HashRules = HashRules(),
        locality: Locality = Locality(), slowStart: SlowStart? = nil, panicThreshold: Int = 0, node: String = "apus",
        zone: String? = nil, worker: Int = 0, seed: UInt64 = 1
    ) {
        let address = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 80)
        // A pool before it, so that an index within the pool is never one within the snapshot.
        let other = Endpoint(name: "other", address: address, pool: 0)
        let snapshot = Snapshot(
            workers: 1, listeners: [], routes: [],
            pools: [
                Pool(name: "other", endpoints: 0..<1),
                Pool(
                    name: "p", balance: balance, hash: hash, locality: locality, slowStart: slowStart,
                    panicThreshold: panicThreshold, endpoints: 1..<places.count + 1),
            ],
            endpoints: [other]
                + places.enumerated().map { index, place in
                    Endpoint(
                        name: "e\(index)", address: address, weight: place.weight, pool: 1, tier: place.tier,
                        isBackup: place.isBackup, zone: place.zone)
                },
            node: node, zone: zone)
        self.init(pool: 1, of: snapshot, worker: worker, seed: seed)
    }

    /// How often each endpoint is picked in so many picks, on idle endpoints.
    mutating func counts(_ picks: Int, of endpoints: Int, load: some EndpointLoad = Idle(), now: Int64 = 0) -> [Int] {
        var counts = Array(repeating: 0, count: endpoints)
        for _ in 0..<picks {
            if let index = pick(load: load, now: now) { counts[index] += 1 }
        }
        return counts
    }

    /// The endpoints that an exchange visits when each attempt fails.
    mutating func visited(_ request: PickRequest = PickRequest(), now: Int64 = 0) -> [Int] {
        var tried = TriedEndpoints()
        var visited: [Int] = []
        while let index = pick(request, load: Idle(), excluding: tried, now: now), visited.count < 64 {
            visited.append(index)
            tried.insert(index)
        }
        return visited
    }
}

/// Whether counts are as the shares say, by chi-square: false by chance in less than one of 10,000 cases.
func follow(_ counts: [Int], shares: [Double]) -> Bool {
    let all = Double(counts.reduce(0, +))
    let sum = shares.reduce(0, +)
    var statistic = 0.0
    var freedom = -1.0
    for (count, share) in zip(counts, shares) {
        if share == 0 {
            if count > 0 { return false }
            continue
        }
        let expected = all * share / sum
        statistic += (Double(count) - expected) * (Double(count) - expected) / expected
        freedom += 1
    }
    guard freedom > 0 else { return true }
    // Wilson and Hilferty: the cube root of chi-square is nearly normal; 3.72 deviations are one of 10,000.
    let spread = 2 / (9 * freedom)
    let limit = 1 - spread + 3.72 * spread.squareRoot()
    return statistic < freedom * limit * limit * limit
}
