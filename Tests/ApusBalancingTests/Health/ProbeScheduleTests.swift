import ApusBalancing
import Testing

@Suite struct ProbeScheduleTests {
    static let second: Int64 = 1_000_000

    /// Runs the schedule in virtual time with probes that take `duration`, and says when each endpoint's probes began.
    static func run(
        _ schedule: inout ProbeSchedule, count: Int, until end: Int64, duration: (Int) -> Int64 = { _ in 0 },
        isUp: (Int, Int64) -> Bool = { _, _ in true }
    ) -> [[Int64]] {
        var starts: [[Int64]] = Array(repeating: [], count: count)
        var endings: [(at: Int64, endpoint: Int)] = []
        while true {
            let due = schedule.nextDue ?? .max
            let ending = endings.indices.min { endings[$0].at < endings[$1].at }
            let now = min(due, ending.map { endings[$0].at } ?? .max)
            guard now < end else { return starts }
            if let ending, endings[ending].at == now {
                let endpoint = endings.remove(at: ending).endpoint
                schedule.finished(endpoint, isUp: isUp(endpoint, now), now: now)
                continue
            }
            while let endpoint = schedule.takeDue(now: now) {
                starts[endpoint].append(now)
                let took = duration(endpoint)
                if took == 0 {
                    schedule.finished(endpoint, isUp: isUp(endpoint, now), now: now)
                } else {
                    endings.append((now + took, endpoint))
                }
            }
        }
    }

    // MARK: - While down

    @Test func anEndpointThatIsDownHasItsOwnInterval() {
        var schedule = ProbeSchedule(
            intervals: [10 * Self.second, 10 * Self.second], downIntervals: [Self.second, nil], now: 0, seed: 3)
        let starts = Self.run(&schedule, count: 2, until: 100 * Self.second, isUp: { _, now in now > 50 * Self.second })
        let gaps = zip(starts[0], starts[0].dropFirst()).map { (at: $1, gap: $1 - $0) }
        let down = gaps.filter { $0.at < 50 * Self.second }
        let up = gaps.filter { $0.at > 62 * Self.second }
        #expect(down.count >= 45 && down.allSatisfy { (900_000...1_100_000).contains($0.gap) })
        #expect(!up.isEmpty && up.allSatisfy { (9_000_000...11_000_000).contains($0.gap) })
        #expect(gaps.allSatisfy { $0.gap <= 11_000_000 })
        #expect((9...12).contains(starts[1].count), "nil: the same")
    }

    @Test func manyThatComeBackTogetherSpreadOut() {
        let count = 2_000
        var schedule = ProbeSchedule(
            intervals: Array(repeating: 10 * Self.second, count: count),
            downIntervals: Array(repeating: Self.second, count: count), now: 0, seed: 3)
        let starts = Self.run(&schedule, count: count, until: 60 * Self.second, isUp: { $1 > 20 * Self.second })
        var perSecond = Array(repeating: 0, count: 60)
        for start in starts.joined() { perSecond[Int(start / Self.second)] += 1 }
        #expect(perSecond[11..<20].allSatisfy { (1_700...2_300).contains($0) }, "\(perSecond)")
        #expect(perSecond[33...].allSatisfy { (100...330).contains($0) }, "\(perSecond)")
    }

    @Test func whatGoesDownBetweenProbesIsProbedSoon() {
        var schedule = ProbeSchedule(intervals: [60 * Self.second], downIntervals: [Self.second], now: 0, seed: 3)
        _ = schedule.takeDue(now: 1_000_000)
        schedule.wentDown(0, now: 1_000_000)
        #expect(schedule.nextDue == nil, "its probe is in flight")
        schedule.finished(0, isUp: true, now: 1_000_000)
        #expect(schedule.nextDue! > 1_000_000)
        // The second round is spread: let one more pass, so that the next is a minute away.
        let second = schedule.nextDue!
        #expect(schedule.takeDue(now: second) == 0)
        schedule.finished(0, isUp: true, now: second)
        let planned = schedule.nextDue!
        #expect(planned - second > 53 * Self.second)
        schedule.wentDown(0, now: second + 5)
        let soon = schedule.nextDue!
        #expect(soon > second + 5 && soon <= second + 5 + Self.second)
        #expect(schedule.takeDue(now: soon) == 0)
        #expect(schedule.takeDue(now: soon) == nil)
        schedule.finished(0, isUp: true, now: soon)
        #expect(schedule.takeDue(now: planned + 1) == nil || planned + 1 - soon >= Self.second, "the old plan is void")
    }

    @Test func nothingIsDueWithoutEndpoints() {
        var schedule = ProbeSchedule(intervals: [nil, nil], now: 0, seed: 1)
        #expect(schedule.nextDue == nil)
        #expect(schedule.takeDue(now: .max) == nil)
    }

    @Test func aFewEndpointsAreKnownInMilliseconds() {
        var schedule = ProbeSchedule(intervals: Array(repeating: 5 * Self.second, count: 3), now: 100, seed: 1)
        let starts = Self.run(&schedule, count: 3, until: 100 + 30_000)
        #expect(starts.allSatisfy { $0.count == 1 })
    }

    @Test func endpointsWithoutProbesAreLeftOut() {
        var schedule = ProbeSchedule(intervals: [Self.second, nil, Self.second], now: 0, seed: 1)
        #expect(Self.run(&schedule, count: 3, until: 20 * Self.second)[1].isEmpty)
    }

    @Test func intervalsStayWithinATenth() {
        let interval = 5 * Self.second
        var schedule = ProbeSchedule(intervals: Array(repeating: interval, count: 20), now: 0, seed: 4)
        let starts = Self.run(&schedule, count: 20, until: 600 * Self.second)
        var gaps: [Int64] = []
        for starts in starts {
            let all = zip(starts, starts.dropFirst()).map { $1 - $0 }
            #expect((Self.second...interval).contains(all[0]), "the second round spreads out")
            gaps += all.dropFirst()
        }
        #expect(gaps.allSatisfy { (4_500_000...5_500_000).contains($0) })
        #expect(gaps.min()! < 4_520_000 && gaps.max()! > 5_480_000, "the whole tenth is used")
        #expect(abs(gaps.reduce(0, +) / Int64(gaps.count) - interval) < 50_000)
    }

    @Test func thousandsMakeATrickle() {
        let count = 5_000
        var schedule = ProbeSchedule(intervals: Array(repeating: 5 * Self.second, count: count), now: 0, seed: 9)
        let starts = Self.run(&schedule, count: count, until: 61 * Self.second)
        #expect(starts.allSatisfy { $0[0] < 5 * Self.second }, "the first round is over in an interval")
        var perTenth = Array(repeating: 0, count: 610)
        for start in starts.joined() { perTenth[Int(start / 100_000)] += 1 }
        // 100 in each tenth of a second, from the start: a burst fails well endpoints on a busy machine.
        #expect(perTenth.allSatisfy { (40...165).contains($0) }, "\(perTenth)")
        #expect(perTenth[200...].allSatisfy { (60...145).contains($0) }, "\(perTenth)")
    }

    @Test func shortIntervalsAreKeptFromTheStart() {
        let interval: Int64 = 200_000
        var schedule = ProbeSchedule(intervals: Array(repeating: interval, count: 100), now: 0, seed: 2)
        let starts = Self.run(&schedule, count: 100, until: 2 * Self.second)
        #expect(starts.allSatisfy { $0[0] < interval && $0[1] - $0[0] == interval })
    }

    /// An origin that starts a second late is used a second later.
    @Test func whatHasNotPassedIsProbedEachSecondForAWhile() {
        var schedule = ProbeSchedule(intervals: [30 * Self.second], now: 0, seed: 2)
        var starts: [Int64] = []
        while let due = schedule.nextDue, due < 100 * Self.second {
            while let endpoint = schedule.takeDue(now: due) {
                starts.append(due)
                schedule.finished(endpoint, isUp: false, hasPassed: false, now: due)
            }
        }
        let gaps = zip(starts, starts.dropFirst()).map { $1 - $0 }
        #expect(gaps.prefix(25).allSatisfy { $0 <= 1_100_000 }, "\(gaps)")
        #expect(starts.count < 40, "not for ever")
    }

    @Test func aProbeThatHangsDelaysOnlyItsOwnEndpoint() {
        let intervals = Array(repeating: Self.second, count: 4)
        var one = ProbeSchedule(intervals: intervals, now: 0, seed: 6)
        let starts = Self.run(&one, count: 4, until: 60 * Self.second, duration: { $0 == 2 ? 3_500_000 : 1_000 })
        for endpoint in [0, 1, 3] { #expect((55...65).contains(starts[endpoint].count)) }
        let slow = starts[2]
        #expect(zip(slow, slow.dropFirst()).allSatisfy { $1 - $0 == 3_500_000 }, "one at a time, then at once")

        var never = ProbeSchedule(intervals: intervals, now: 0, seed: 6)
        let others = Self.run(&never, count: 4, until: 60 * Self.second, duration: { $0 == 2 ? .max / 2 : 1_000 })
        #expect(others[2].count == 1)
        for endpoint in [0, 1, 3] { #expect((55...65).contains(others[endpoint].count)) }
    }

    @Test func aStandstillDoesNotLeaveABurstBehind() {
        let count = 1_000
        var schedule = ProbeSchedule(intervals: Array(repeating: 5 * Self.second, count: count), now: 0, seed: 8)
        _ = Self.run(&schedule, count: count, until: 20 * Self.second)
        let now = 60 * Self.second
        var due = 0
        while let endpoint = schedule.takeDue(now: now) {
            due += 1
            schedule.finished(endpoint, now: now)
            guard due <= count else { break }
        }
        #expect(due == count, "each is due once, however long the standstill was")
        let starts = Self.run(&schedule, count: count, until: 80 * Self.second)
        var perSecond = Array(repeating: 0, count: 20)
        for start in starts.joined() { perSecond[Int((start - now) / Self.second)] += 1 }
        #expect(perSecond.dropFirst().allSatisfy { (140...270).contains($0) }, "\(perSecond)")
    }

    @Test func theSameSeedGivesTheSameRun() {
        func starts(seed: UInt64) -> [[Int64]] {
            var schedule = ProbeSchedule(intervals: Array(repeating: Self.second, count: 10), now: 0, seed: seed)
            return Self.run(&schedule, count: 10, until: 30 * Self.second)
        }
        #expect(starts(seed: 1) == starts(seed: 1))
        #expect(starts(seed: 1) != starts(seed: 2))
    }
}
