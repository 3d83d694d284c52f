import ApusModel
import Testing

@Suite struct ThrottleTests {
    private static let second: Int64 = 1_000_000

    private typealias Telling = Throttle<String, Int>.Telling

    /// What is told of, as cause, count and time.
    private func words(_ telling: Telling?) -> String? {
        telling.map { "\($0.count) of \($0.cause) in \($0.time / Self.second) s, the latest \($0.news)" }
    }

    /// The first is told at once; later ones together when the pause is over, though nothing more comes.
    @Test func aFloodIsToldWhenThePauseIsOver() {
        var throttle = Throttle<String, Int>(pause: 60 * Self.second)
        #expect(words(throttle.note("a", 0, now: 0)) == "1 of a in 0 s, the latest 0")
        for one in 1...100_000 { #expect(throttle.note("a", one, now: Int64(one) * 300) == nil) }
        #expect(throttle.takeDue(now: 59 * Self.second).isEmpty)
        #expect(
            throttle.takeDue(now: 60 * Self.second).map(words) == ["100000 of a in 60 s, the latest 100000"])
        // The next pause begins with it, and with nothing in it the cause is forgotten.
        #expect(throttle.note("a", 7, now: 61 * Self.second) == nil)
        #expect(throttle.takeDue(now: 120 * Self.second).map(words) == ["1 of a in 60 s, the latest 7"])
        #expect(throttle.takeDue(now: 180 * Self.second).isEmpty && throttle.isEmpty)
        let weeks = 1_814_400 * Self.second
        #expect(words(throttle.note("a", 1, now: weeks)) == "1 of a in 0 s, the latest 1")
    }

    /// One that comes when the alarm is late takes with it what is kept, and the time of that.
    @Test func whatIsKeptIsToldOnceHoweverItIsAsked() {
        var throttle = Throttle<String, Int>(pause: Self.second)
        #expect(throttle.note("a", 0, now: 0) != nil)
        #expect(throttle.note("a", 1, count: 3, now: 1) == nil)
        #expect(words(throttle.note("a", 2, now: 5 * Self.second)) == "4 of a in 5 s, the latest 2")
        #expect(throttle.takeDue(now: 9 * Self.second).isEmpty)
        #expect(throttle.isEmpty)
    }

    @Test func eachCauseIsToldByItselfInOrder() {
        var throttle = Throttle<String, Int>(pause: Self.second)
        for cause in ["c", "a", "b"] { #expect(throttle.note(cause, 0, now: 0)?.count == 1) }
        for cause in ["b", "a", "c", "a"] { #expect(throttle.note(cause, 1, now: 1) == nil) }
        #expect(throttle.takeDue(now: Self.second).map(\.cause) == ["c", "a", "b"])
        for cause in ["a", "c"] { #expect(throttle.note(cause, 1, now: Self.second) == nil) }
        #expect(throttle.take("a") == 1 && throttle.take("a") == 0 && throttle.take("nobody") == 0)
        throttle.rename { $0 == "c" ? "d" : nil }
        #expect(throttle.takeAll(now: Self.second + 1).map(\.cause) == ["d"])
        #expect(throttle.isEmpty)
    }

    /// Listeners and routes come and go: those that are gone are not kept.
    @Test func causesThatAreGoneAreForgotten() {
        var throttle = Throttle<Int, Int>(pause: Self.second)
        for reload in Int64(0)..<1000 {
            for _ in 0..<2 { _ = throttle.note(Int(reload), 0, now: reload * Self.second) }
            let kept = throttle.takeDue(now: reload * Self.second)
            #expect(kept.count == (reload == 0 ? 0 : 1))
        }
        for second in Int64(1000)...1002 { _ = throttle.takeDue(now: second * Self.second) }
        #expect(throttle.isEmpty)
    }
}
