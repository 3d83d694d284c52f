import ApusBalancing
import ApusModel
import Testing

/// Endpoints that answer after a time of their own, in virtual time: the share of exchanges that each gets.
struct TimedOrigins {
    var workers: Workers
    /// Microseconds that each takes to answer.
    var delays: [Int64]
    private var due: [(at: Int64, place: Int)] = []

    init(_ balance: Balance, delays: [Int64], weights: [Int]? = nil) {
        workers = Workers(2, balance, weights: weights ?? delays.map { _ in 1 })
        self.delays = delays
    }

    /// One exchange each `gap` microseconds, for so many of them; how many each endpoint got.
    mutating func run(_ exchanges: Int, gap: Int64) -> [Int] {
        var counts = delays.map { _ in 0 }
        for exchange in 0..<exchanges {
            workers.now += gap
            finish()
            guard let pick = workers.start(on: exchange % 2) else { continue }
            counts[pick] += 1
            started.append(workers.now)
        }
        return counts
    }

    /// When the exchanges of `workers.inFlight` began, in its order.
    private var started: [Int64] = []

    private mutating func finish() {
        var place = 0
        while place < started.count {
            let delay = delays[workers.inFlight[place].endpoint]
            guard started[place] + delay <= workers.now else {
                place += 1
                continue
            }
            workers.end(place, answerAfter: workers.now - started[place])
            started.swapAt(place, started.count - 1)
            started.removeLast()
        }
    }
}

@Suite struct PeakEWMATests {
    @Test(arguments: [5, 60])
    func aSlowEndpointIsLeftAndComesBackAfterItsRecovery(count: Int) {
        let share = 6_000 / count
        var origins = TimedOrigins(.peakEWMA, delays: Array(repeating: 5_000, count: count))
        let before = origins.run(6_000, gap: 2_000)
        #expect(abs(before[1] - share) < share / 2)

        origins.delays[1] = 200_000
        _ = origins.run(500, gap: 2_000)
        #expect(origins.run(6_000, gap: 2_000)[1] < share / 10)

        origins.delays[1] = 5_000
        // What is known decays with a constant of 10 s, from 200 ms to 5 ms in 37 s; then it is tried.
        _ = origins.run(30_000, gap: 2_000)
        #expect(origins.run(6_000, gap: 2_000)[1] > share / 2)
    }

    @Test func oneSlowAnswerIsEnough() {
        var picker = GroupPicker(.peakEWMA, weights: [1, 1], worker: 0, seed: 1)
        for index in 0..<2 { picker.answered(index, after: 1_000, now: 0) }
        picker.answered(0, after: 50_000, now: 1_000)
        for _ in 0..<50 { #expect(picker.pick(hash: nil, load: Idle(), excluding: TriedEndpoints(), now: 2_000) == 1) }
        // Quick ones bring it down slowly: after 10 s, to 1/e of what it was.
        for second in 1...10 { picker.answered(1, after: 18_000, now: Int64(second) * 1_000_000) }
        #expect(picker.pick(hash: nil, load: Idle(), excluding: TriedEndpoints(), now: 10_000_000) == 1)
        picker.answered(1, after: 19_000, now: 10_200_000)
        #expect(picker.pick(hash: nil, load: Idle(), excluding: TriedEndpoints(), now: 10_200_000) == 0)
    }

    @Test func latencyCountsTimesLoadOverWeight() {
        for (times, loads, weights, expected) in [
            ([2_000, 1_000], [0, 0], [1, 1], 1), ([2_000, 1_000], [0, 2], [1, 1], 0),
            ([2_000, 1_000], [0, 0], [3, 1], 0), ([2_000, 1_000], [-4, 0], [1, 1], 1),
        ] {
            for balance in [Balance.peakEWMA, .leastTime] {
                var picker = GroupPicker(balance, weights: weights, worker: 0, seed: 1)
                for index in 0..<2 { picker.answered(index, after: Int64(times[index]), now: 0) }
                for _ in 0..<50 { #expect(picker.pick(load: Loads(loads: loads)) == expected) }
            }
        }
    }

    /// A new endpoint among ones that are known is tried at once, and gets one exchange per worker before it answers.
    @Test(arguments: [Balance.peakEWMA, .leastTime], [5, 40])
    func anUnknownEndpointIsTriedAndNotFlooded(balance: Balance, count: Int) {
        var workers = Workers(2, balance, weights: Array(repeating: 1, count: count))
        workers.setAvailable(2, false)
        for exchange in 0..<(40 * count) {
            _ = workers.start(on: exchange % 2)
            workers.now += 1_000
            workers.end(0, answerAfter: 1_000)
        }
        workers.setAvailable(2, true)
        var tries = 0
        for exchange in 0..<(20 * count) {
            let isNew = workers.start(on: exchange % 2) == 2
            tries += isNew ? 1 : 0
            // The others answer, it never does.
            if !isNew { workers.end(workers.inFlight.count - 1, answerAfter: 1_000) }
            workers.now += 1_000
        }
        #expect(tries == 2)
    }

    /// The same for one that was down so long that nothing is left of what was known.
    @Test func aForgottenEndpointIsNotFlooded() {
        var workers = Workers(1, .peakEWMA, weights: [1, 1, 1])
        for index in 0..<3 { workers.pickers[0].answered(index, after: 2_000, now: 0) }
        workers.setAvailable(0, false)
        workers.now = 3_600_000_000
        for index in 1..<3 { workers.pickers[0].answered(index, after: 2_000, now: workers.now) }
        workers.setAvailable(0, true)
        let picks = (0..<30).map { _ in workers.start(on: 0) }
        let tries = picks.count { $0 == 0 }
        #expect((5...15).contains(tries), "\(tries)")
    }

    @Test func groupsWithoutAnyAnswerSpreadByLoad() {
        for balance in [Balance.peakEWMA, .leastTime] {
            var workers = Workers(1, balance, weights: [1, 1, 1, 1])
            for _ in 0..<400 { _ = workers.start(on: 0) }
            for load in workers.loads.loads { #expect(abs(load - 100) <= 10) }
        }
    }
}

@Suite struct ResponseTimesTests {
    @Test func decaysWithItsTimeConstant() {
        var times = ResponseTimes(.peaks, count: 1)
        times.answered(0, after: 1_000_000, now: 0)
        for (seconds, left) in [(0, 1.0), (1, 0.904_837), (10, 0.367_879), (20, 0.135_335), (60, 0.002_479)] {
            let expected = times.expected(0, now: Int64(seconds) * 1_000_000) / 1_000_000
            #expect(abs(expected / left - 1) < 0.001)
        }
        #expect(times.expected(0, now: 1_000_000_000) == 0)
        #expect(times.expected(0, now: -5) == 1_000_000, "a clock that seems to run backwards changes nothing")
    }

    @Test func meansMoveBothWaysAndPeaksJump() {
        for (average, expected) in [(ResponseTimes.Average.mean, 4_264.0), (.peaks, 10_000)] {
            var times = ResponseTimes(average, count: 1)
            times.answered(0, after: 1_000, now: 0)
            times.answered(0, after: 10_000, now: 4_512_000)
            #expect(abs(times.expected(0, now: 4_512_000) - expected) < 5)
        }
    }

    @Test func answersInNoTimeAreAnswers() {
        var times = ResponseTimes(.mean, count: 1)
        times.answered(0, after: 0, now: 0)
        #expect(times.expected(0, now: 0) == 1)
    }
}
