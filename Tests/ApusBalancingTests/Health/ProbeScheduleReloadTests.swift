import ApusBalancing
import ApusModel
import Testing

/// When endpoints are probed after a reload.
@Suite struct ProbeScheduleReloadTests {
    static let second: Int64 = 1_000_000

    private static func due(_ schedule: ProbeSchedule, until end: Int64) -> [Int: Int64] {
        var schedule = schedule
        var due: [Int: Int64] = [:]
        while let time = schedule.nextDue, time <= end {
            while let endpoint = schedule.takeDue(now: time) { due[endpoint] = time }
        }
        return due
    }

    /// A schedule of endpoints that are all probed once a minute, at a time when it has settled.
    private static func settled(_ count: Int) -> ProbeSchedule {
        var schedule = ProbeSchedule(intervals: Array(repeating: 60 * second, count: count), now: 0, seed: 5)
        while let time = schedule.nextDue, time < 300 * second {
            while let endpoint = schedule.takeDue(now: time) { schedule.finished(endpoint, now: time) }
        }
        return schedule
    }

    @Test func whoLivesOnKeepsItsTime() {
        let old = Self.settled(100)
        let now = 300 * Self.second
        let before = Self.due(old, until: 400 * Self.second)
        // The first goes, the others move up, and two are new.
        let renaming = Renaming(oldCount: 100, toOld: (1..<100).map { $0 } + [nil, nil])
        let new = ProbeSchedule(
            intervals: Array(repeating: 60 * Self.second, count: 101), now: now, succeeding: old, endpoints: renaming)
        let after = Self.due(new, until: 400 * Self.second)
        #expect((0..<99).allSatisfy { after[$0] == before[$0 + 1] })
        #expect((99...100).allSatisfy { after[$0]! <= now + 20_000 }, "those that are new are probed at once")
    }

    @Test func shorterIntervalsCountAtOnceWithoutABurst() {
        let now = 300 * Self.second
        let new = ProbeSchedule(
            intervals: Array(repeating: 5 * Self.second, count: 1_000), now: now, succeeding: Self.settled(1_000),
            endpoints: Renaming(oldCount: 1_000, toOld: (0..<1_000).map { $0 }))
        let due = Self.due(new, until: now + 5 * Self.second)
        #expect(due.count == 1_000)
        for second in 0..<5 {
            let from = now + Int64(second) * Self.second
            let count = due.values.count { (from..<from + Self.second).contains($0) }
            #expect((150...300).contains(count), "\(count) in second \(second)")
        }
    }

    @Test func probesInFlightAreSoStill() {
        var old = ProbeSchedule(intervals: Array(repeating: Self.second, count: 3), now: 0, seed: 1)
        let first = old.takeDue(now: 100_000)!
        let second = old.takeDue(now: 100_000)!
        // The first is probed no more, the second moves to the front.
        let toOld = [second, first, 3 - first - second]
        var new = ProbeSchedule(
            intervals: [Self.second, nil, Self.second], now: 100_000, succeeding: old,
            endpoints: Renaming(oldCount: 3, toOld: toOld))
        #expect(new.isUnderWay(0) && !new.isUnderWay(1) && !new.isUnderWay(2))
        #expect(new.takeDue(now: 100_000) == 2)
        #expect(new.takeDue(now: .max / 2) == nil, "one at a time of each")
        new.finished(0, now: 200_000)
        #expect(new.nextDue != nil)
    }

    /// A reload each second, and probes a minute apart: no endpoint is probed more than it would have been.
    @Test func manyReloadsAreNoReasonToProbe() {
        var schedule = Self.settled(50)
        var probes = 0
        for second in 300..<900 as Range<Int64> {
            let now = second * Self.second
            schedule = ProbeSchedule(
                intervals: Array(repeating: 60 * Self.second, count: 50), now: now, succeeding: schedule,
                endpoints: Renaming(oldCount: 50, toOld: (0..<50).reversed()))
            while let endpoint = schedule.takeDue(now: now) {
                schedule.finished(endpoint, now: now)
                probes += 1
            }
        }
        #expect((480...540).contains(probes), "\(probes)")
    }
}
