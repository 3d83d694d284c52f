import ApusModel

/// Failures in a row, per endpoint, as one worker sees them: what passive health is told of.
///
/// An attempt that was given up as too late tells of the request as much as of the endpoint. It counts only where the
/// endpoint has answered nobody since it was sent; and a run of nothing but such attempts, all of one route, is told only
/// once another endpoint has answered that route: a route that is slow everywhere ejects nobody. An attempt that may yet be
/// answered, and is overdue, counts in the same way where others answer anything at all meanwhile; the first answer shows
/// then that it was nothing.
@usableFromInline
struct FailureRuns: Sendable {
    @usableFromInline
    struct Run: Sendable, BitwiseCopyable {
        /// When the endpoint last answered anything, and a request of which route.
        @usableFromInline var answeredAt: Int64
        @usableFromInline var answeredRoute: Int32
        /// The route of all that failed in a row, where all were late.
        @usableFromInline var lateRoute: Int32
        @usableFromInline var status5xx: UInt16
        @usableFromInline var gatewayErrors: UInt16
        /// Others were told of a run of which all were late, and the endpoint has answered nobody since.
        @usableFromInline var wasToldLate: Bool
        /// When the first that was late was sent.
        @usableFromInline var beganAt: Int64

        @inlinable @inline(__always)
        init(answeredAt: Int64 = .min, answeredRoute: Int32 = -1) {
            self.answeredAt = answeredAt
            self.answeredRoute = answeredRoute
            lateRoute = -1
            status5xx = 0
            gatewayErrors = 0
            wasToldLate = false
            beganAt = 0
        }
    }

    /// Instead of a route: none so far; several, where all were late; not all were late.
    private static let none: Int32 = -1
    private static let several: Int32 = -2
    private static let otherwise: Int32 = -3

    private let limit5xx: UInt16
    private let limitGateway: UInt16
    /// Empty where nothing is counted.
    @usableFromInline var runs: [Run]

    init(_ rules: OutlierRules?, count: Int) {
        let counts = rules?.consecutive5xx != nil || rules?.consecutiveGatewayErrors != nil
        limit5xx = rules?.consecutive5xx.map { UInt16(clamping: $0) } ?? .max
        limitGateway = rules?.consecutiveGatewayErrors.map { UInt16(clamping: $0) } ?? .max
        runs = counts ? Array(repeating: Run(), count: count) : []
    }

    var isCounting: Bool { !runs.isEmpty }

    /// The endpoint has done its work. Of retired ones nothing is counted.
    ///
    /// - Returns: whether others were told that it answers nobody.
    @discardableResult @inlinable @inline(__always)
    mutating func served(_ endpoint: Int, route: Int32, now: Int64) -> Bool {
        guard endpoint < runs.count else { return false }
        let wasToldLate = runs[endpoint].wasToldLate
        runs[endpoint] = Run(answeredAt: now, answeredRoute: route)
        return wasToldLate
    }

    /// The endpoint has answered that it failed.
    ///
    /// - Returns: the run that has just reached its limit, and begins anew.
    mutating func answered(
        _ endpoint: Int, _ outcome: AttemptOutcome, route: Int32, now: Int64
    ) -> (kind: ConsecutiveFailure, count: Int)? {
        guard endpoint < runs.count else { return nil }
        runs[endpoint].answeredAt = now
        runs[endpoint].answeredRoute = route
        return failed(endpoint, isGatewayError: outcome == .unavailable)
    }

    /// The endpoint gave no response to what was sent then.
    ///
    /// - Parameter isUsable: whether the endpoint of that index may be picked.
    /// - Returns: the run that has just reached its limit, and begins anew.
    mutating func gaveNone(
        _ endpoint: Int, _ fault: AttemptFault, route: Int32, sent: Int64, isUsable: (Int) -> Bool
    ) -> (kind: ConsecutiveFailure, count: Int)? {
        guard endpoint < runs.count else { return nil }
        guard fault == .tooLate else { return failed(endpoint, isGatewayError: true) }
        guard countLate(endpoint, route: route, sent: sent) else { return nil }
        let lateRoute = runs[endpoint].lateRoute
        if lateRoute >= 0 {
            let isServedElsewhere = othersAnswer(endpoint, isUsable) { $0.answeredRoute == lateRoute }
            guard isServedElsewhere else { return nil }
        }
        return takeFull(endpoint)
    }

    /// What was sent then to the endpoint is overdue: it may yet be answered, and is not to be told of as late.
    ///
    /// - Parameter isUsable: whether the endpoint of that index may be picked.
    /// - Returns: the run that has just reached its limit, and begins anew.
    mutating func isOverdue(
        _ endpoint: Int, route: Int32, sent: Int64, isUsable: (Int) -> Bool
    ) -> (kind: ConsecutiveFailure, count: Int)? {
        guard endpoint < runs.count, countLate(endpoint, route: route, sent: sent) else { return nil }
        let lateRoute = runs[endpoint].lateRoute
        let othersAnswer = othersAnswer(endpoint, isUsable) { lateRoute < 0 || $0.answeredRoute == lateRoute }
        return othersAnswer ? takeFull(endpoint) : nil
    }

    /// - Returns: false where the endpoint has answered others meanwhile.
    private mutating func countLate(_ endpoint: Int, route: Int32, sent: Int64) -> Bool {
        guard runs[endpoint].answeredAt < sent else { return false }
        if runs[endpoint].status5xx == 0 { runs[endpoint].beganAt = sent }
        switch runs[endpoint].lateRoute {
        case Self.none: runs[endpoint].lateRoute = route
        case Self.otherwise, route: break
        default: runs[endpoint].lateRoute = Self.several
        }
        count(endpoint, isGatewayError: true)
        return true
    }

    /// Whether another endpoint that may be picked has answered since the run began, in a way that proves something.
    private func othersAnswer(_ endpoint: Int, _ isUsable: (Int) -> Bool, _ isProof: (Run) -> Bool) -> Bool {
        let began = runs[endpoint].beganAt
        return runs.indices.contains {
            $0 != endpoint && runs[$0].answeredAt >= began && isProof(runs[$0]) && isUsable($0)
        }
    }

    /// The endpoint begins anew.
    mutating func forget(_ endpoint: Int) {
        if endpoint < runs.count { runs[endpoint] = Run() }
    }

    /// Goes on counting after a reload. Routes have other indices then: runs that hang on one begin anew.
    mutating func inherit(from old: FailureRuns, _ survivors: Survivors) {
        guard isCounting, old.isCounting else { return }
        runs = survivors.renamed(old.runs, else: Run()).map { run in
            var next = run.lateRoute >= 0 ? Run(answeredAt: run.answeredAt) : run
            next.answeredRoute = Self.none
            next.wasToldLate = run.wasToldLate
            return next
        }
    }

    private mutating func failed(_ endpoint: Int, isGatewayError: Bool) -> (kind: ConsecutiveFailure, count: Int)? {
        count(endpoint, isGatewayError: isGatewayError)
        runs[endpoint].lateRoute = Self.otherwise
        return takeFull(endpoint)
    }

    private mutating func count(_ endpoint: Int, isGatewayError: Bool) {
        runs[endpoint].gatewayErrors = isGatewayError ? min(runs[endpoint].gatewayErrors, .max - 1) + 1 : 0
        runs[endpoint].status5xx = min(runs[endpoint].status5xx, .max - 1) + 1
    }

    /// The endpoint's run, if it has reached its limit.
    private mutating func takeFull(_ endpoint: Int) -> (kind: ConsecutiveFailure, count: Int)? {
        let run = runs[endpoint]
        guard run.gatewayErrors >= limitGateway || run.status5xx >= limit5xx else { return nil }
        runs[endpoint] = Run(answeredAt: run.answeredAt, answeredRoute: run.answeredRoute)
        guard run.gatewayErrors >= limitGateway else { return (.status5xx, Int(run.status5xx)) }
        guard run.lateRoute != Self.otherwise else { return (.gatewayError, Int(run.gatewayErrors)) }
        runs[endpoint].wasToldLate = true
        return (.timeout, Int(run.gatewayErrors))
    }
}
