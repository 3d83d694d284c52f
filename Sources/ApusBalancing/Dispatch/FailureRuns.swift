public import ApusModel

/// Bad answers in a row, per endpoint, as one worker sees them: what passive health is told of.
@usableFromInline
struct FailureRuns: Sendable {
    private struct Run: Sendable, BitwiseCopyable {
        var status5xx: UInt16 = 0
        var gatewayErrors: UInt16 = 0
    }

    private let limit5xx: UInt16
    private let limitGateway: UInt16
    private var runs: [Run]

    init?(_ rules: OutlierRules?, count: Int) {
        guard let rules, rules.consecutive5xx != nil || rules.consecutiveGatewayErrors != nil else { return nil }
        limit5xx = rules.consecutive5xx.map { UInt16(clamping: $0) } ?? .max
        limitGateway = rules.consecutiveGatewayErrors.map { UInt16(clamping: $0) } ?? .max
        runs = Array(repeating: Run(), count: count)
    }

    /// An attempt has ended at an endpoint. Of retired ones nothing is counted.
    ///
    /// - Returns: the run that has just reached its limit, and begins anew.
    @usableFromInline
    mutating func ended(_ endpoint: Int, _ outcome: AttemptOutcome) -> (kind: ConsecutiveFailure, count: Int)? {
        guard endpoint < runs.count else { return nil }
        guard outcome == .served else { return failed(endpoint, outcome) }
        runs[endpoint] = Run()
        return nil
    }

    /// The endpoint begins anew.
    mutating func forget(_ endpoint: Int) {
        if endpoint < runs.count { runs[endpoint] = Run() }
    }

    /// Goes on counting after a reload.
    mutating func inherit(from old: FailureRuns, _ survivors: Survivors) {
        runs = survivors.renamed(old.runs, else: Run())
    }

    private mutating func failed(
        _ endpoint: Int, _ outcome: AttemptOutcome
    ) -> (kind: ConsecutiveFailure, count: Int)? {
        let isGatewayError = outcome == .unavailable
        runs[endpoint].gatewayErrors = isGatewayError ? min(runs[endpoint].gatewayErrors, .max - 1) + 1 : 0
        runs[endpoint].status5xx = min(runs[endpoint].status5xx, .max - 1) + 1
        if runs[endpoint].gatewayErrors >= limitGateway {
            defer { runs[endpoint] = Run() }
            return (.gatewayError, Int(runs[endpoint].gatewayErrors))
        }
        if runs[endpoint].status5xx >= limit5xx {
            defer { runs[endpoint] = Run() }
            return (.status5xx, Int(runs[endpoint].status5xx))
        }
        return nil
    }
}
