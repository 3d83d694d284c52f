import ApusBalancing
import ApusModel
import Testing

@Suite struct LeastTimeTests {
    @Test(arguments: [4, 48])
    func fasterEndpointsGetMore(count: Int) {
        let delays = (0..<count).map { Int64($0 % 2 == 0 ? 4_000 : 16_000) }
        var origins = TimedOrigins(.leastTime, delays: delays)
        let gap = 4_000 / Int64(count)
        _ = origins.run(2_000, gap: gap)
        let counts = origins.run(8_000, gap: gap)
        let fast = counts.indices.filter { $0 % 2 == 0 }.reduce(0) { $0 + counts[$1] }
        #expect(fast > 5_600)
    }

    @Test(arguments: [4, 48])
    func aSlowEndpointIsLeftAndTriedAgain(count: Int) {
        let share = 6_000 / count
        var origins = TimedOrigins(.leastTime, delays: Array(repeating: 5_000, count: count))
        _ = origins.run(6_000, gap: 2_000)
        origins.delays[1] = 200_000
        _ = origins.run(6_000, gap: 2_000)
        #expect(origins.run(6_000, gap: 2_000)[1] < share / 5)
        origins.delays[1] = 5_000
        _ = origins.run(40_000, gap: 2_000)
        #expect(origins.run(6_000, gap: 2_000)[1] > share / 4)
    }

    @Test(arguments: [3, 40])
    func oneSlowAnswerIsForgiven(count: Int) {
        var picker = GroupPicker(.leastTime, weights: Array(repeating: 1, count: count), worker: 0, seed: 1)
        for second in 0..<10 {
            let now = Int64(second) * 1_000_000
            for index in 0..<count { picker.answered(index, after: index == 1 ? 900 : 1_000, now: now) }
        }
        let now: Int64 = 9_000_100
        picker.answered(1, after: 60_000, now: now)
        #expect(picker.pick(hash: nil, load: Idle(), excluding: TriedEndpoints(), now: now) == 1)
    }

    /// Against a scan of all, which is what small groups do: the tree's picks cost no more.
    @Test func aTreeOfOneWorkerPicksTheLeast() {
        var random = SplitMix64(seed: 4)
        let count = 64
        var workers = Workers(1, .leastTime, weights: Array(repeating: 1, count: count))
        var times = ResponseTimes(.mean, count: count)
        for step in 0..<4_000 {
            workers.now += 10
            if workers.inFlight.count > 200 {
                let place = random.next(below: workers.inFlight.count)
                let endpoint = workers.inFlight[place].endpoint
                let microseconds = Int64(500 + endpoint * 20 + random.next(below: 300))
                times.answered(endpoint, after: microseconds, now: workers.now)
                times.ended(endpoint)
                workers.end(place, answerAfter: microseconds)
            }
            let costs = (0..<count).map { times.expected($0, now: workers.now) * Double(workers.loads.loads[$0] + 1) }
            guard let pick = workers.start(on: 0) else { continue }
            times.started(pick)
            // By then all have answered. Those on which nothing is in flight decay a little until they are asked.
            if step > 2_000 { #expect(costs[pick] <= costs.min()! * 1.001) }
        }
    }
}
