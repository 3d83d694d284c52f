import ApusAddresses
import ApusBalancing
import ApusModel
import Testing

@Suite struct PoolPickerTests {
    @Test func comesFromASnapshotsPool() {
        let address = SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 80)
        let snapshot = Snapshot(
            workers: 1, listeners: [], routes: [],
            pools: [
                Pool(name: "p", endpoints: 0..<2), Pool(name: "q", balance: .weightedRoundRobin, endpoints: 2..<5),
            ],
            endpoints: [1, 1, 5, 1, 1].enumerated().map {
                Endpoint(name: "\($0)", address: address, weight: $1, pool: $0 < 2 ? 0 : 1)
            })
        var picker = PoolPicker(pool: 1, of: snapshot, worker: 0, seed: 1)
        let picks = (0..<7).map { _ in picker.pick(load: Idle(), now: 0) }
        #expect(picks == [0, 0, 1, 0, 2, 0, 0])
    }

    @Test(arguments: Balance.allCases)
    func aPoolWithoutEndpointsHasNone(balance: Balance) {
        var picker = PoolPicker([], balance: balance)
        #expect(picker.pick(PickRequest(hash: 1, session: 0), load: Idle(), now: 0) == nil)
        #expect(picker.pick(load: Idle(), now: 0) == nil)
        #expect(picker.candidateCount == 0)
        #expect(!picker.isPanicking)
        #expect(picker.ranks.isEmpty)
    }

    @Test func weightsChangeAtRunTime() {
        var picker = PoolPicker([Place(), Place()], balance: .weightedRoundRobin)
        picker.setWeight(1, 3, now: 0)
        #expect(picker.counts(400, of: 2) == [100, 300])
        picker.setWeight(0, 0, now: 0)
        #expect(picker.counts(10, of: 2) == [0, 10])
        picker.setWeight(0, 1, now: 0)
        picker.setWeight(1, 1, now: 0)
        #expect(picker.counts(400, of: 2) == [200, 200])
        picker.setWeight(1, 100_000, now: 0)
        picker.setWeight(0, -5, now: 0)
        #expect(picker.counts(10, of: 2) == [0, 10])
    }

    /// A pool, and all that a test does to it, told again in the plainest way.
    private struct Model {
        var places: [Place]
        var up: [Bool]
        var threshold: Int

        var isPanicking: Bool {
            let weighty = places.indices.filter { places[$0].weight > 0 }
            return weighty.count { up[$0] } * 100 < threshold * weighty.count
        }

        /// What may be picked for a request without a session.
        func mayBePicked(_ index: Int) -> Bool { places[index].weight > 0 && (up[index] || isPanicking) }
        func keepsSessions(_ index: Int) -> Bool { up[index] || mayBePicked(index) }

        static func random(_ random: inout SplitMix64, threshold: Int) -> Model {
            let count = [1, 2, 3, 5, 10, 40, 70, 150][random.next(below: 8)]
            let tiers = 1 + random.next(below: 3)
            let places = (0..<count).map { _ in
                Place(
                    weight: random.next(below: 4), tier: random.next(below: tiers),
                    zone: [nil, "a", "b"][random.next(below: 3)])
            }
            return Model(places: places, up: Array(repeating: true, count: count), threshold: threshold)
        }
    }

    /// Whatever the tiers, zones, subsets, loads and times: an answer is one that may be given.
    @Test(arguments: Balance.allCases, HashRules.Method.allCases)
    func answersAreAlwaysAllowed(balance: Balance, method: HashRules.Method) {
        guard balance == .hash || method == .maglev else { return }
        var random = SplitMix64(seed: 17)
        // Every change of a weight builds a hash table anew, in each rank.
        for round in 0..<(balance == .hash ? 4 : 40) {
            var model = Model.random(&random, threshold: [0, 0, 50, 100][round % 4])
            let count = model.places.count
            let subset = random.next(below: 3) == 0 ? 1 + random.next(below: 8) : nil
            var picker = PoolPicker(
                model.places, balance: balance, hash: HashRules(method: method),
                locality: Locality(prefersOwnZone: random.next(below: 2) == 0, subsetSize: subset),
                slowStart: random.next(below: 2) == 0 ? SlowStart(window: .seconds(1)) : nil,
                panicThreshold: model.threshold, zone: [nil, "a"][random.next(below: 2)], worker: round % 5,
                seed: random.next())
            var loads = Loads(loads: Array(repeating: 0, count: count))
            var now: Int64 = 0
            for _ in 0..<80 {
                now += Int64(random.next(below: 200_000))
                let index = random.next(below: count)
                if random.next(below: 3) == 0 {
                    model.places[index].weight = random.next(below: 4)
                    picker.setWeight(index, model.places[index].weight, now: now)
                } else {
                    model.up[index].toggle()
                    picker.setAvailable(index, model.up[index], now: now)
                }
                loads.saturated = random.next(below: 3) == 0 ? [index, random.next(below: count)] : []
                let tried = TriedEndpoints((0..<random.next(below: 4)).map { _ in random.next(below: count) })
                let request = PickRequest(
                    hash: random.next(below: 2) == 0 ? random.next() : nil,
                    session: random.next(below: 3) == 0 ? Int32(random.next(below: count)) : nil)
                check(&picker, model, request, loads, tried, hasSubset: subset != nil, now: now)
            }
        }
    }

    private func check(
        _ picker: inout PoolPicker, _ model: Model, _ request: PickRequest, _ loads: Loads, _ tried: TriedEndpoints,
        hasSubset: Bool, now: Int64
    ) {
        #expect(picker.isPanicking == model.isPanicking)
        let allowed = model.places.indices.filter { model.mayBePicked($0) && !loads.isSaturated($0) }
        let untried = allowed.filter { !tried.contains($0) }
        #expect((picker.candidateCount == 0) == !model.places.indices.contains { model.mayBePicked($0) })
        if !hasSubset { #expect(picker.candidateCount == model.places.indices.count { model.mayBePicked($0) }) }

        let pick = picker.pick(request, load: loads, excluding: tried, now: now)
        let session = request.session.map(Int.init)
        if let session, model.keepsSessions(session), !loads.isSaturated(session), !tried.contains(session) {
            #expect(pick == session)
        } else if let pick {
            #expect(untried.contains(pick))
            picker.started(pick, load: 1)
            picker.ended(pick, load: 0)
            picker.answered(pick, after: 500, now: now)
        } else if !hasSubset {
            #expect(untried.isEmpty)
        }
        // With the tried ones allowed there is one whenever there is any.
        let again = picker.pick(request, load: loads, excluding: tried, orTried: true, now: now)
        if again == nil, !hasSubset { #expect(allowed.isEmpty) }
        if let again { #expect(model.keepsSessions(again) && !loads.isSaturated(again)) }
    }

    @Test(arguments: Balance.allCases)
    func everyEndpointIsReached(balance: Balance) {
        var random = SplitMix64(seed: 23)
        for round in 0..<20 {
            let model = Model.random(&random, threshold: 0)
            guard model.places.count <= 64 else { continue }
            var picker = PoolPicker(
                model.places, balance: balance, locality: Locality(prefersOwnZone: round % 2 == 0), zone: "a",
                worker: round)
            let visited = picker.visited(PickRequest(hash: random.next()))
            #expect(Set(visited) == Set(model.places.indices.filter { model.places[$0].weight > 0 }))
            #expect(visited.count == Set(visited).count)
            // Ranks in their order: no backup before the last of what it is a backup for.
            #expect(visited.map { model.places[$0].tier } == visited.map { model.places[$0].tier }.sorted())
        }
    }
}
