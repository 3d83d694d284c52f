import ApusBalancing
import ApusModel
import Testing

@Suite struct RetryPolicyTests {
    typealias Failure = RetryPolicy.Failure
    static let limit = 3

    /// One line of the rules; nil means whatever.
    struct Rule {
        var failures: [Failure]
        var isIdempotent: Bool?
        var wasSent: Bool?
        var isReplayable: Bool?
        var attempts: ClosedRange<Int>?
        var stale: ClosedRange<Int>?
        var decision: RetryPolicy.Decision

        func matches(_ failure: Failure, _ progress: RetryPolicy.Progress) -> Bool {
            failures.contains(failure)
                && (isIdempotent ?? progress.isIdempotent) == progress.isIdempotent
                && (wasSent ?? progress.wasSent) == progress.wasSent
                && (isReplayable ?? progress.isReplayable) == progress.isReplayable
                && attempts?.contains(progress.attempts) ?? true
                && stale?.contains(progress.staleReplacements) ?? true
        }
    }

    static let connect: [Failure] = [.connectRefused, .connectTimedOut]
    static let died: [Failure] = [.reusedConnectionDied, .freshConnectionDied]
    /// What is configured to be tried again.
    static let configured: [Failure] = [.tryTimedOut, .status]
    static let answered: [Failure] = [.badResponse, .responseHeadTimedOut]
    static let rules = [
        Rule(failures: answered, decision: .giveUp),
        Rule(failures: connect + died + configured, isReplayable: false, decision: .giveUp),
        // Nothing was sent: any method may move on.
        Rule(failures: connect, isReplayable: true, attempts: 1...2, decision: .retryOtherEndpoint),
        Rule(failures: connect, isReplayable: true, attempts: 3...4, decision: .giveUp),
        // Sent, and not to be sent twice.
        Rule(
            failures: died + configured, isIdempotent: false, wasSent: true, isReplayable: true, decision: .giveUp),
        // A stale connection: twice at no cost in attempts, whatever their number, then like a fresh one.
        Rule(
            failures: [.reusedConnectionDied], isIdempotent: true, isReplayable: true, stale: 0...1,
            decision: .retryFreshSameEndpoint),
        Rule(
            failures: [.reusedConnectionDied], isIdempotent: false, wasSent: false, isReplayable: true, stale: 0...1,
            decision: .retryFreshSameEndpoint),
        Rule(
            failures: [.reusedConnectionDied], isIdempotent: true, isReplayable: true, attempts: 1...2, stale: 2...3,
            decision: .retryOtherEndpoint),
        Rule(
            failures: [.reusedConnectionDied], isIdempotent: false, wasSent: false, isReplayable: true, attempts: 1...2,
            stale: 2...3, decision: .retryOtherEndpoint),
        Rule(
            failures: [.reusedConnectionDied], isIdempotent: true, isReplayable: true, attempts: 3...4, stale: 2...3,
            decision: .giveUp),
        Rule(
            failures: [.reusedConnectionDied], isIdempotent: false, wasSent: false, isReplayable: true, attempts: 3...4,
            stale: 2...3, decision: .giveUp),
        // A fresh connection that died, an attempt that took too long, a status.
        Rule(
            failures: [.freshConnectionDied] + configured, isIdempotent: true, isReplayable: true, attempts: 1...2,
            decision: .retryOtherEndpoint),
        Rule(
            failures: [.freshConnectionDied] + configured, isIdempotent: false, wasSent: false, isReplayable: true,
            attempts: 1...2,
            decision: .retryOtherEndpoint),
        Rule(
            failures: [.freshConnectionDied] + configured, isIdempotent: true, isReplayable: true, attempts: 3...4,
            decision: .giveUp),
        Rule(
            failures: [.freshConnectionDied] + configured, isIdempotent: false, wasSent: false, isReplayable: true,
            attempts: 3...4,
            decision: .giveUp),
    ]

    static var everyProgress: [RetryPolicy.Progress] {
        var all: [RetryPolicy.Progress] = []
        for bits in 0..<8 {
            for attempts in 1...4 {
                for stale in 0...3 {
                    all.append(
                        RetryPolicy.Progress(
                            isIdempotent: bits & 1 != 0, wasSent: bits & 2 != 0, isReplayable: bits & 4 != 0,
                            attempts: attempts, staleReplacements: stale))
                }
            }
        }
        return all
    }

    @Test(arguments: Failure.allCases)
    func everyCombinationHasOneRuleAndFollowsIt(failure: Failure) {
        let policy = RetryPolicy(attemptLimit: Self.limit)
        for progress in Self.everyProgress {
            let rules = Self.rules.filter { $0.matches(failure, progress) }
            #expect(rules.count == 1, "\(failure) \(progress)")
            #expect(policy.decide(after: failure, of: progress) == rules.first?.decision, "\(failure) \(progress)")
        }
    }

    @Test func everyRuleIsUsed() {
        for rule in Self.rules {
            #expect(Failure.allCases.contains { failure in Self.everyProgress.contains { rule.matches(failure, $0) } })
        }
    }

    /// An exchange that obeys the decisions ends, after no more connections than the limits allow.
    @Test func everyExchangeEnds() {
        var random = SplitMix64(seed: 31)
        for _ in 0..<5_000 {
            let policy = RetryPolicy(attemptLimit: 1 + random.next(below: 4))
            var progress = RetryPolicy.Progress(isIdempotent: true, wasSent: true, isReplayable: true)
            var isFresh = random.next(below: 2) == 0
            var connections = 0
            exchange: while true {
                connections += 1
                let failures: [Failure] =
                    isFresh ? Self.connect + [.freshConnectionDied] + Self.configured : [.reusedConnectionDied]
                switch policy.decide(after: failures[random.next(below: failures.count)], of: progress) {
                case .retryFreshSameEndpoint:
                    progress.staleReplacements += 1
                    isFresh = true
                case .retryOtherEndpoint:
                    progress.attempts += 1
                    isFresh =
                        progress.staleReplacements >= RetryPolicy.staleReplacementLimit || random.next(below: 2) == 0
                case .giveUp: break exchange
                }
            }
            #expect(progress.attempts == policy.attemptLimit)
            #expect(progress.staleReplacements <= RetryPolicy.staleReplacementLimit)
            #expect(connections == progress.attempts + progress.staleReplacements)
        }
    }

    /// A request that is not idempotent is never on the wire twice.
    @Test func whatMustNotHappenTwiceIsSentOnce() {
        for failure in Failure.allCases where !Self.connect.contains(failure) {
            for progress in Self.everyProgress where !progress.isIdempotent && progress.wasSent {
                #expect(RetryPolicy(attemptLimit: 3).decide(after: failure, of: progress) == .giveUp)
            }
        }
    }

    @Test func onlyTheStatusesOfTheRulesAreFailures() {
        let policy = RetryPolicy(RetryRules(attempts: 4, statuses: [429, 503, 502, 599, 200, 611]))
        #expect(policy.attemptLimit == 4)
        #expect((0...1_200).filter { policy.retriesStatus($0) } == [200, 429, 502, 503, 599, 611])
        #expect(!(-700...1_200).contains { RetryPolicy(attemptLimit: 3).retriesStatus($0) })
        #expect(!(-700...99).contains { policy.retriesStatus($0) })
        // What no response can have is left out.
        let odd = RetryPolicy(RetryRules(statuses: [-1, 99, 612, 100]))
        #expect((-700...1_200).filter { odd.retriesStatus($0) } == [100])
    }
}
