import ApusModel
import Testing

@testable import ApusBalancing

/// Which failures in a row are told, and which say too little of their endpoint.
@Suite struct FailureRunsTests {
    /// Five gateway errors, as it is by default, at three endpoints.
    private var runs = FailureRuns(OutlierRules(), count: 3)

    private mutating func late(
        _ endpoint: Int, route: Int32 = 0, sent: Int64 = 10, unusable: Set<Int> = [], reserves: Set<Int> = []
    ) -> ConsecutiveFailure? {
        runs.gaveNone(endpoint, .tooLate, route: route, sent: sent) {
            unusable.contains($0) ? .out : reserves.contains($0) ? .inReserve : .beside
        }?.kind
    }

    private mutating func broke(_ endpoint: Int) -> ConsecutiveFailure? {
        runs.gaveNone(endpoint, .broke, route: 0, sent: 10, standing: { _ in .beside })?.kind
    }

    @Test mutating func fiveInARowOfAnyKindAreTold() {
        _ = broke(0)
        _ = late(0)
        _ = runs.answered(0, .unavailable, route: 0, now: 11)
        _ = runs.gaveNone(0, .notConnected, route: 0, sent: 11, standing: { _ in .beside })
        #expect(broke(0) == .gatewayError)
        #expect(broke(0) == nil)
    }

    @Test mutating func anAnswerEndsTheRun() {
        for _ in 0..<4 { #expect(broke(0) == nil) }
        runs.served(0, route: 0, now: 12)
        for _ in 0..<4 { #expect(broke(0) == nil) }
        // A 500 or 503 by itself is no gateway error, and ends a run of them.
        #expect(runs.answered(0, .failed, route: 0, now: 13) == nil)
        for _ in 0..<4 { #expect(broke(0) == nil) }
        #expect(broke(0) == .gatewayError)
    }

    /// Whoever has answered since does not hang: the request is one that takes long.
    @Test mutating func whatIsLateWhileOthersAreAnsweredDoesNotCount() {
        runs.served(1, route: 0, now: 20)
        runs.served(0, route: 0, now: 20)
        for _ in 0..<20 { #expect(late(0, sent: 19) == nil) }
        for _ in 0..<4 { #expect(late(0, sent: 21) == nil) }
        runs.served(1, route: 0, now: 22)
        #expect(late(0, sent: 21) == .timeout)
    }

    @Test mutating func aRouteThatIsLateEverywhereEjectsNobody() {
        for _ in 0..<20 {
            for endpoint in 0..<3 { #expect(late(endpoint, route: 7) == nil) }
        }
        // Others being answered there says nothing of this route.
        runs.served(1, route: 8, now: 30)
        #expect(late(0, route: 7) == nil)
        runs.served(1, route: 7, now: 31)
        #expect(late(0, route: 7, unusable: [1]) == nil)
        #expect(late(0, route: 7) == .timeout)
    }

    @Test mutating func severalRoutesThatAreLateNeedProofOfOne() {
        for route in Int32(0)..<9 { #expect(late(0, route: route % 4) == nil) }
        runs.served(1, route: 5, now: 20)
        #expect(late(0, route: 0) == nil, "that route was never late")
        runs.served(1, route: 3, now: 20)
        #expect(late(0, route: 0) == .timeout)
    }

    @Test mutating func anAnswerBeforeTheRunIsNoProof() {
        runs.served(1, route: 7, now: 9)
        for _ in 0..<9 { #expect(late(0, route: 7) == nil) }
    }

    private mutating func overdue(
        _ endpoint: Int, route: Int32 = 0, sent: Int64 = 10, unusable: Set<Int> = [], reserves: Set<Int> = []
    ) -> ConsecutiveFailure? {
        runs.isOverdue(endpoint, route: route, sent: sent) {
            unusable.contains($0) ? .out : reserves.contains($0) ? .inReserve : .beside
        }?.kind
    }

    @Test mutating func whatIsOverdueCountsWhereOthersAnswer() {
        for _ in 0..<9 { #expect(overdue(0) == nil, "nobody answers: it may be what all of them need") }
        runs.served(1, route: 8, now: 9)
        #expect(overdue(0) == nil, "that was before")
        runs.served(1, route: 8, now: 12)
        #expect(overdue(0) == nil, "the route may be slow everywhere")
        runs.served(1, route: 0, now: 12)
        #expect(overdue(0, unusable: [1]) == nil)
        #expect(overdue(0) == .timeout)
        for route in Int32(1)..<5 { #expect(overdue(2, route: route) == nil) }
        #expect(overdue(2, route: 5) == nil, "of none of these routes has been an answer")
        #expect(overdue(2, route: 0) == .timeout)
    }

    @Test mutating func theOrderInWhichTheyAreLookedAtMakesNoDifference() {
        runs.served(1, route: 0, now: 12)
        for sent in [Int64](arrayLiteral: 14, 13, 11, 12) { #expect(overdue(0, sent: sent) == nil) }
        #expect(overdue(0, sent: 15) == .timeout)
    }

    @Test mutating func aSlowRequestAtAnEndpointThatAnswersOthersIsNothing() {
        runs.served(1, route: 0, now: 30)
        runs.served(0, route: 1, now: 30)
        for _ in 0..<20 { #expect(overdue(0, sent: 29) == nil) }
    }

    /// The first answer shows that it did not hang, and is told if the run was.
    @Test mutating func theFirstAnswerBehindAToldRunIsTold() {
        var isTold = runs.served(0, route: 0, now: 9)
        #expect(!isTold)
        runs.served(1, route: 0, now: 11)
        for _ in 0..<4 { _ = overdue(0) }
        isTold = runs.served(0, route: 0, now: 9)
        #expect(!isTold, "nobody was told")
        for _ in 0..<4 { #expect(overdue(0) == nil) }
        #expect(overdue(0) == .timeout)
        for _ in 0..<3 { #expect(overdue(0) == nil) }
        isTold = runs.served(0, route: 0, now: 13)
        #expect(isTold)
        isTold = runs.served(0, route: 0, now: 14)
        #expect(!isTold, "told once")
        for _ in 0..<5 { _ = broke(0) }
        isTold = runs.served(0, route: 0, now: 15)
        #expect(!isTold, "what broke is not mended by an answer")
    }

    /// A backup gets nothing as long as there is another, and so cannot answer anything.
    @Test mutating func aReserveThatIsWellIsProof() {
        for _ in 0..<4 { #expect(overdue(0, reserves: [1]) == nil) }
        #expect(overdue(0, unusable: [1], reserves: [1]) == nil)
        #expect(overdue(0, reserves: [1]) == .timeout)
        for _ in 0..<4 { #expect(late(2, route: 3, reserves: [1]) == nil) }
        _ = runs.gaveNone(1, .broke, route: 0, sent: 10, standing: { _ in .beside })
        #expect(late(2, route: 3, reserves: [1]) == nil, "it is not well")
    }

    /// A failure of another kind before the run makes it no other.
    @Test mutating func whatWasAnsweredBeforeIsNotOfTheRun() {
        _ = runs.answered(0, .failed, route: 0, now: 5)
        for _ in 0..<9 { #expect(overdue(0) == nil, "nobody answers") }
        runs.served(1, route: 0, now: 12)
        #expect(overdue(0) == .timeout, "and no gateway error")
        let isTold = runs.served(0, route: 0, now: 13)
        #expect(isTold)
    }

    @Test mutating func whatWasOverdueAndBreaksCountsOnce() {
        runs.served(1, route: 0, now: 11)
        let run = runs.number(of: 0)
        for _ in 0..<3 { _ = overdue(0) }
        for _ in 0..<3 { #expect(runs.brokeAfterAll(0, run: run) == nil) }
        _ = broke(0)
        #expect(broke(0) == .gatewayError)
    }

    @Test mutating func whatBreaksBehindAnAnswerIsOfTheNextRun() {
        let run = runs.number(of: 0)
        _ = overdue(0)
        runs.served(0, route: 0, now: 11)
        for _ in 0..<4 { #expect(runs.brokeAfterAll(0, run: run) == nil) }
        #expect(runs.brokeAfterAll(0, run: run)?.kind == .gatewayError)
    }

    /// An answer that is a failure ends no run.
    @Test mutating func whatBreaksBehindAFailureCountsOnce() {
        let run = runs.number(of: 0)
        _ = overdue(0)
        for _ in 0..<3 { #expect(runs.answered(0, .unavailable, route: 0, now: 12) == nil) }
        #expect(runs.brokeAfterAll(0, run: run) == nil, "four requests")
        #expect(broke(0) == .gatewayError)
    }

    /// Others were told of it with the run in which it was: those that are late now are late still.
    @Test mutating func whatBreaksBehindAToldRunMakesNoneOfTheNext() {
        runs.served(1, route: 0, now: 11)
        let run = runs.number(of: 0)
        for _ in 0..<5 { _ = overdue(0) }
        for _ in 0..<4 { #expect(overdue(0, sent: 20) == nil) }
        #expect(runs.brokeAfterAll(0, run: run) == nil)
        #expect(overdue(0, sent: 20) == nil, "nobody has answered since")
        runs.served(1, route: 0, now: 21)
        #expect(overdue(0, sent: 20) == .timeout)
    }

    /// A reload ends the runs that hang on routes, and what was late in them may break yet.
    @Test mutating func whatBreaksBehindAReloadCounts() {
        let run = runs.number(of: 0)
        _ = overdue(0, route: 7)
        runs.forgetRoutes()
        for _ in 0..<4 { #expect(broke(0) == nil) }
        #expect(runs.brokeAfterAll(0, run: run)?.kind == .gatewayError)
    }

    @Test mutating func noRunHasTheNumberOfNone() {
        for _ in 0..<600 {
            #expect(runs.number(of: 0) != 0)
            runs.forget(0)
        }
    }

    @Test mutating func routesThatHaveOtherIndicesProveNothing() {
        for _ in 0..<4 { _ = overdue(0, route: 7) }
        runs.served(1, route: 7, now: 12)
        runs.forgetRoutes()
        #expect(overdue(0, route: 7) == nil)
        for _ in 0..<4 { #expect(overdue(0, route: 7) == nil, "nobody has answered the route since") }
        runs.served(1, route: 7, now: 13)
        #expect(overdue(0, route: 7) == .timeout)
    }

    @Test mutating func aLimitThatIsOffIsNeverReached() {
        runs = FailureRuns(OutlierRules(consecutive5xx: nil), count: 1)
        for _ in 0..<70_000 { #expect(runs.answered(0, .failed, route: 0, now: 1) == nil) }
    }

    @Test mutating func whatIsOffOrRetiredCountsNothing() {
        #expect(runs.gaveNone(3, .broke, route: 0, sent: 1, standing: { _ in .beside }) == nil)
        runs.served(3, route: 0, now: 1)
        runs = FailureRuns(nil, count: 3)
        #expect(!runs.isCounting)
        for _ in 0..<9 { #expect(broke(0) == nil) }
    }

    /// `FOO /` five times over.
    @Test func anOddRequestOpensNoBreaker() {
        for status in [400, 404, 405, 429, 501, 505] { #expect(AttemptOutcome(status: status) == .served) }
    }
}
