import ApusModel
import Testing

@Suite struct LateRequestsTests {
    private let second: Int64 = 1_000_000

    /// Looks of the seconds, and what is known in the middle of each and in those after.
    @Test func itCountsLooksOfASecond() {
        var late = LateRequests(word: 0)
        #expect(late.count(now: 5 * second) == 0)
        for _ in 0..<3 { late.look(now: 7 * second) }
        #expect(late.count(now: 7 * second) == 3 && late.count(now: 8 * second + 1) == 3)
        late.look(now: 8 * second)
        #expect(late.count(now: 8 * second) == 3, "the others may yet be looked at")
        #expect(late.count(now: 9 * second) == 1 && late.count(now: 10 * second) == 0)
        late.look(now: 20 * second)
        #expect(late.count(now: 20 * second) == 1, "what was long before is forgotten")
        #expect(LateRequests(word: late.word) == late)
    }

    @Test func thereIsNoEndToIt() {
        var late = LateRequests(word: 0)
        for _ in 0..<70_000 { late.look(now: 0x1_0000_0000 * second) }
        #expect(late.count(now: 0x1_0000_0000 * second) == 65_535)
        late.look(now: .max)
        late.look(now: -1)
        #expect(late.count(now: -1) == 1)
    }
}
