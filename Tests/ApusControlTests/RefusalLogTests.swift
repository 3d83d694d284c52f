import ApusHTTP
import ApusModel
import Testing

@testable import ApusControl

@Suite struct RefusalLogTests {
    private func turnedAway(_ count: Int, at listener: String = "0.0.0.0:80") -> RefusalNews {
        RefusalNews(listener: listener, .turnedAway(.descriptorLimit, count: count))
    }

    private func cameBack(_ route: String) -> RefusalNews {
        RefusalNews(listener: "0.0.0.0:80", .cameBack(route: route, from: "10.0.0.9", count: 1))
    }

    /// The first is told at once; later ones together, a minute after, whether more come or not.
    @Test func aCauseIsToldOnceAMinute() {
        var log = RefusalLog()
        let minute: Int64 = 60_000_000
        #expect(log.note(turnedAway(3), now: 1)?.count == 3)
        for second in Int64(1)..<60 { #expect(log.note(turnedAway(10), now: second * 1_000_000) == nil) }
        #expect(log.takeDue(now: minute).isEmpty)
        let told = log.takeDue(now: minute + 1)
        #expect(told.map(\.count) == [590] && told.map(\.time) == [minute])
        #expect(log.note(turnedAway(1), now: 2 * minute) == nil)
        #expect(log.takeAll(now: 2 * minute).map(\.count) == [1])
        #expect(log.isEmpty)
    }

    @Test func eachCauseIsToldByItself() {
        var log = RefusalLog()
        #expect(log.note(turnedAway(1), now: 1)?.count == 1)
        #expect(log.note(turnedAway(1, at: "0.0.0.0:81"), now: 1)?.count == 1)
        let limit = RefusalNews(listener: "0.0.0.0:80", .turnedAway(.connectionLimit, count: 2))
        #expect(log.note(limit, now: 1)?.count == 2)
        #expect(log.note(cameBack("a"), now: 1)?.count == 1)
        #expect(log.note(cameBack("b"), now: 2)?.count == 1)
        #expect(log.note(cameBack("a"), now: 3) == nil)
    }
}
