import ApusBalancing
import ApusModel
import Testing

@Suite struct RetryPolicyTests {
    typealias Failure = RetryPolicy.Failure
    static let limit = 3

    /// One line of the rules; nil means whatever.
    struct Rule {
        var failures: [Failure]
        var isSafe: Bool?
        var isRepeatable: Bool?
        var wasSent: Bool?
        var isReplayable: Bool? = true
        var attempts: ClosedRange<Int>?
        var stale: ClosedRange<Int>?
        var wasRepeated: Bool?
        var decision: RetryPolicy.Decision

        func matches(_ failure: Failure, _ progress: RetryPolicy.Progress) -> Bool {
            failures.contains(failure)
                && (isSafe ?? progress.isSafe) == progress.isSafe
                && (isRepeatable ?? progress.isRepeatable) == progress.isRepeatable
                && (wasSent ?? progress.wasSent) == progress.wasSent
                && (isReplayable ?? progress.isReplayable) == progress.isReplayable
                && attempts?.contains(progress.attempts) ?? true
                && stale?.contains(progress.staleReplacements) ?? true
                && (wasRepeated ?? progress.wasRepeated) == progress.wasRepeated
        }
    }

    static let connect: [Failure] = [.connectRefused, .connectTimedOut]
    static let died: [Failure] = [.reusedConnectionDied, .freshConnectionDied]
    /// What is configured to be tried again.
    static let configured: [Failure] = [.tryTimedOut, .status]
    static let rules: [Rule] =
        [
            Rule(failures: Failure.allCases, isReplayable: false, decision: .giveUp),
            Rule(failures: [.badResponse], decision: .giveUp),
            // Nothing was sent: any method may move on.
            Rule(failures: connect, attempts: 1...2, decision: .retryOtherEndpoint),
            Rule(failures: connect, attempts: 3...4, decision: .giveUp),
            // Sent, and not to be sent twice.
            Rule(failures: died + configured, isRepeatable: false, wasSent: true, decision: .giveUp),
            // What an origin may have died of is sent once more and not again.
            Rule(failures: died, isRepeatable: true, wasSent: true, wasRepeated: true, decision: .giveUp),
            // An origin that hangs: once, what is safe.
            Rule(failures: [.responseHeadTimedOut], isSafe: false, decision: .giveUp),
            Rule(failures: [.responseHeadTimedOut], isSafe: true, wasRepeated: true, decision: .giveUp),
            Rule(
                failures: [.responseHeadTimedOut], isSafe: true, attempts: 1...2, wasRepeated: false,
                decision: .retryOtherEndpoint),
            Rule(
                failures: [.responseHeadTimedOut], isSafe: true, attempts: 3...4, wasRepeated: false, decision: .giveUp),
        ] + sendable(isRepeatable: true, wasSent: true, wasRepeated: false)
        + sendable(isRepeatable: nil, wasSent: false, wasRepeated: nil)
        + [
            Rule(
                failures: configured, isRepeatable: true, wasSent: true, attempts: 1...2, decision: .retryOtherEndpoint),
            Rule(failures: configured, isRepeatable: true, wasSent: true, attempts: 3...4, decision: .giveUp),
            Rule(failures: configured, wasSent: false, attempts: 1...2, decision: .retryOtherEndpoint),
            Rule(failures: configured, wasSent: false, attempts: 3...4, decision: .giveUp),
        ]

    /// A connection died, and the request may be sent again: a stale one is replaced once, whatever the attempts.
    static func sendable(isRepeatable: Bool?, wasSent: Bool, wasRepeated: Bool?) -> [Rule] {
        func rule(
            _ failure: Failure, _ attempts: ClosedRange<Int>?, _ stale: ClosedRange<Int>?,
            _ decision: RetryPolicy.Decision
        ) -> Rule {
            Rule(
                failures: [failure], isRepeatable: isRepeatable, wasSent: wasSent, attempts: attempts, stale: stale,
                wasRepeated: wasRepeated, decision: decision)
        }
        return [
            rule(.reusedConnectionDied, nil, 0...0, .replaceConnection),
            rule(.reusedConnectionDied, 1...2, 1...3, .retryOtherEndpoint),
            rule(.reusedConnectionDied, 3...4, 1...3, .giveUp),
            rule(.freshConnectionDied, 1...2, nil, .retryOtherEndpoint),
            rule(.freshConnectionDied, 3...4, nil, .giveUp),
        ]
    }

    static var everyProgress: [RetryPolicy.Progress] {
        var all: [RetryPolicy.Progress] = []
        for bits in 0..<32 {
            for attempts in 1...4 {
                for stale in 0...3 {
                    all.append(
                        RetryPolicy.Progress(
                            isSafe: bits & 8 != 0, isRepeatable: bits & 1 != 0, wasSent: bits & 2 != 0,
                            isReplayable: bits & 4 != 0, attempts: attempts, staleReplacements: stale,
                            wasRepeated: bits & 16 != 0))
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

    /// An exchange that obeys the decisions ends, after no more connections than the limits allow; and it is under way
    /// twice at most when connections break.
    @Test func everyExchangeEnds() {
        var random = SplitMix64(seed: 31)
        for _ in 0..<5_000 {
            let policy = RetryPolicy(attemptLimit: 1 + random.next(below: 4))
            var progress = RetryPolicy.Progress(isSafe: true, isRepeatable: true, wasSent: true, isReplayable: true)
            var isFresh = random.next(below: 2) == 0
            var (connections, deaths) = (0, 0)
            exchange: while true {
                connections += 1
                let failures: [Failure] =
                    isFresh
                    ? Self.connect + [.freshConnectionDied, .responseHeadTimedOut] + Self.configured
                    : [.reusedConnectionDied]
                let failure = failures[random.next(below: failures.count)]
                let decision = policy.decide(after: failure, of: progress)
                if failure.mayBeTheRequests {
                    deaths += 1
                    progress.wasRepeated = true
                }
                switch decision {
                case .replaceConnection:
                    progress.staleReplacements += 1
                    isFresh = true
                case .retryOtherEndpoint:
                    progress.attempts += 1
                    isFresh =
                        progress.staleReplacements >= RetryPolicy.staleReplacementLimit || random.next(below: 2) == 0
                case .giveUp: break exchange
                }
            }
            #expect(progress.attempts <= policy.attemptLimit)
            #expect(deaths <= 2)
            #expect(progress.staleReplacements <= RetryPolicy.staleReplacementLimit)
            #expect(connections == progress.attempts + progress.staleReplacements)
        }
    }

    /// A request that is not idempotent is never on the wire twice.
    @Test func whatMustNotHappenTwiceIsSentOnce() {
        for failure in Failure.allCases where !Self.connect.contains(failure) {
            for progress in Self.everyProgress
            where !progress.isRepeatable && !progress.isSafe && progress.wasSent {
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
