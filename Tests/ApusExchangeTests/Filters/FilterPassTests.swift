import ApusExchange
import Testing

/// A request's way through filters: which is asked next, and which answer counts.
@Suite struct FilterPassTests {
    @Test func filtersThatDecideAtOnce() {
        var pass = FilterPass()
        for place in 0..<3 {
            #expect(pass.place == place && !pass.isWaiting)
            _ = pass.asks()
            pass.proceeds()
        }
    }

    @Test func anAnswerCountsOnce() {
        var pass = FilterPass()
        let first = pass.asks()
        // Before anybody waits for it, it can only be somebody else's.
        #expect(pass.heard(first) == nil)
        pass.waits()
        #expect(pass.isWaiting && pass.heard(first &+ 1) == nil && pass.heard(0) == nil)
        #expect(pass.heard(first) == .counts)
        #expect(!pass.isWaiting && pass.place == 1)
        #expect(pass.heard(first) == nil)
        // That of an earlier question is not taken for the next one's.
        let second = pass.asks()
        pass.waits()
        #expect(pass.heard(first) == nil)
        #expect(pass.heard(second) == .counts && pass.place == 2)
    }

    @Test func nobodyWaitsAnyMore() {
        var pass = FilterPass()
        let question = pass.asks()
        pass.waits()
        pass.givesUp()
        #expect(pass.heard(question) == nil && !pass.isWaiting)
    }

    /// No filter is left out when a reload changes them: the first of the new ones is asked next.
    @Test func otherFiltersAreAskedFromTheFirstOn() {
        var pass = FilterPass()
        _ = pass.asks()
        pass.proceeds()
        let question = pass.asks()
        pass.waits()
        pass.startsAgain()
        #expect(pass.isWaiting)
        #expect(pass.heard(question) == .isOutdated && pass.place == 0)
        let next = pass.asks()
        pass.waits()
        #expect(pass.heard(question) == nil)
        #expect(pass.heard(next) == .counts && pass.place == 1)
    }

    @Test func itStaysSmall() { #expect(MemoryLayout<FilterPass>.size <= 4) }
}
