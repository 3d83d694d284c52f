import ApusModel

/// Failures in a row, per endpoint, as one worker sees them: what passive health is told of.
///
/// An attempt that was given up as too late tells of the request as much as of the endpoint. It counts only where the
/// endpoint has answered nobody since it was sent; and a run of nothing but such attempts is told only once another endpoint
/// has answered one of their routes: routes that are slow everywhere eject nobody. An attempt that may yet be answered, and
/// is overdue, counts in the same way; the first answer shows then that it was nothing.
@usableFromInline
struct FailureRuns: Sendable {
    @usableFromInline
    struct Run: Sendable, BitwiseCopyable {
        /// When the endpoint last answered anything, and a request of which route.
        @usableFromInline var answeredAt: Int64
        @usableFromInline var answeredRoute: Int32
        /// The routes of those that were late, a bit for each by its index; and whether there were no others in the run.
        @usableFromInline var lateRoutes: UInt64
        @usableFromInline var areAllLate: Bool
        @usableFromInline var status5xx: UInt16
        @usableFromInline var gatewayErrors: UInt16
        /// Others were told of a run of which all were late, and the endpoint has answered nobody since.
        @usableFromInline var wasToldLate: Bool
        /// When the first that was late was sent.
        @usableFromInline var beganAt: Int64
        /// Which run it is, of 255 in turn from 1: what was counted in one has to know whether that is over.
        @usableFromInline var number: UInt8

        @inlinable @inline(__always)
        init(after last: UInt8 = 0, answeredAt: Int64 = .min, answeredRoute: Int32 = -1) {
            number = last == .max ? 1 : last &+ 1
            self.answeredAt = answeredAt
            self.answeredRoute = answeredRoute
            lateRoutes = 0
            areAllLate = true
            status5xx = 0
            gatewayErrors = 0
            wasToldLate = false
            beganAt = 0
        }
    }

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
        if wasToldLate || runs[endpoint].status5xx != 0 { runs[endpoint] = Run(after: runs[endpoint].number) }
        runs[endpoint].answeredAt = now
        runs[endpoint].answeredRoute = route
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
    /// - Parameter standing: that of the endpoint of that index, beside this one.
    /// - Returns: the run that has just reached its limit, and begins anew.
    mutating func gaveNone(
        _ endpoint: Int, _ fault: AttemptFault, route: Int32, sent: Int64, standing: (Int) -> Standing
    ) -> (kind: ConsecutiveFailure, count: Int)? {
        guard endpoint < runs.count else { return nil }
        guard fault == .tooLate else { return failed(endpoint, isGatewayError: true) }
        guard countLate(endpoint, route: route, sent: sent) else { return nil }
        return !runs[endpoint].areAllLate || othersAnswer(endpoint, standing) ? takeFull(endpoint) : nil
    }

    /// What was sent then to the endpoint is overdue: it may yet be answered, and is not to be told of as late.
    ///
    /// - Parameter standing: that of the endpoint of that index, beside this one.
    /// - Returns: the run that has just reached its limit, and begins anew.
    mutating func isOverdue(
        _ endpoint: Int, route: Int32, sent: Int64, standing: (Int) -> Standing
    ) -> (kind: ConsecutiveFailure, count: Int)? {
        guard endpoint < runs.count, countLate(endpoint, route: route, sent: sent) else { return nil }
        return othersAnswer(endpoint, standing) ? takeFull(endpoint) : nil
    }

    /// Whether what is late at the endpoint, and was sent then, would count.
    @usableFromInline
    func isTelling(_ endpoint: Int, sent: Int64) -> Bool {
        endpoint >= runs.count || runs[endpoint].answeredAt < sent
    }

    /// - Returns: false where the endpoint has answered others meanwhile.
    private mutating func countLate(_ endpoint: Int, route: Int32, sent: Int64) -> Bool {
        guard runs[endpoint].answeredAt < sent else { return false }
        // They need not be looked at in the order in which they were sent.
        runs[endpoint].beganAt = runs[endpoint].gatewayErrors == 0 ? sent : min(runs[endpoint].beganAt, sent)
        runs[endpoint].lateRoutes |= Self.bit(route)
        count(endpoint, isGatewayError: true)
        return true
    }

    private static func bit(_ route: Int32) -> UInt64 { route < 0 ? 0 : 1 << UInt64(truncatingIfNeeded: route & 63) }

    /// Whether another endpoint that may be picked has answered one of the run's routes since it began. One that is in reserve
    /// gets no requests as long as this one is there: that it is well is proof enough.
    private func othersAnswer(_ endpoint: Int, _ standing: (Int) -> Standing) -> Bool {
        let (began, routes) = (runs[endpoint].beganAt, runs[endpoint].lateRoutes)
        return runs.indices.contains { other in
            guard other != endpoint else { return false }
            let hasAnswered = runs[other].answeredAt >= began && routes & Self.bit(runs[other].answeredRoute) != 0
            return switch standing(other) {
            case .out: false
            case .beside: hasAnswered
            case .inReserve: hasAnswered || (runs[other].answeredAt < began && runs[other].gatewayErrors == 0)
            }
        }
    }

    /// Where another endpoint stands.
    enum Standing {
        /// It may not be picked.
        case out
        case beside
        /// It is picked where there is none of this one's rank.
        case inReserve
    }

    /// The endpoint begins anew.
    mutating func forget(_ endpoint: Int) {
        if endpoint < runs.count { runs[endpoint] = Run(after: runs[endpoint].number) }
    }

    /// Goes on counting after a reload. Routes have other indices then: runs that hang on one begin anew.
    mutating func inherit(from old: FailureRuns, _ survivors: Survivors) {
        guard isCounting, old.isCounting else { return }
        runs = survivors.renamed(old.runs, else: Run()).map(Self.withoutRoutes)
    }

    private mutating func failed(_ endpoint: Int, isGatewayError: Bool) -> (kind: ConsecutiveFailure, count: Int)? {
        count(endpoint, isGatewayError: isGatewayError)
        runs[endpoint].areAllLate = !isGatewayError
        if !isGatewayError { runs[endpoint].lateRoutes = 0 }
        return takeFull(endpoint)
    }

    /// Which of the endpoint's runs goes on.
    func number(of endpoint: Int) -> UInt8 { endpoint < runs.count ? runs[endpoint].number : 0 }

    /// What was counted as overdue in that run has broken: it was not late, and counts once.
    mutating func brokeAfterAll(_ endpoint: Int, run: UInt8) -> (kind: ConsecutiveFailure, count: Int)? {
        guard endpoint < runs.count else { return nil }
        guard runs[endpoint].number == run else {
            // That run is over. If it was reported as late, this attempt was reported with it.
            return runs[endpoint].wasToldLate ? nil : failed(endpoint, isGatewayError: true)
        }
        runs[endpoint].areAllLate = false
        return takeFull(endpoint)
    }

    /// A request broke there and elsewhere: it is not the endpoint that breaks.
    mutating func takeBack(_ endpoint: Int) {
        guard endpoint < runs.count, runs[endpoint].gatewayErrors > 0 else { return }
        runs[endpoint].gatewayErrors -= 1
        runs[endpoint].status5xx = max(1, runs[endpoint].status5xx) - 1
    }

    /// Routes have other indices.
    mutating func forgetRoutes() {
        for endpoint in runs.indices { runs[endpoint] = Self.withoutRoutes(runs[endpoint]) }
    }

    private static func withoutRoutes(_ run: Run) -> Run {
        let hangsOnRoutes = run.lateRoutes != 0 && run.areAllLate
        var next = hangsOnRoutes ? Run(after: run.number, answeredAt: run.answeredAt) : run
        next.answeredRoute = -1
        next.lateRoutes = 0
        next.wasToldLate = run.wasToldLate
        return next
    }

    private mutating func count(_ endpoint: Int, isGatewayError: Bool) {
        // Never as many as a limit that is off.
        runs[endpoint].gatewayErrors = isGatewayError ? min(runs[endpoint].gatewayErrors, .max - 2) + 1 : 0
        runs[endpoint].status5xx = min(runs[endpoint].status5xx, .max - 2) + 1
    }

    /// The endpoint's run, if it has reached its limit.
    private mutating func takeFull(_ endpoint: Int) -> (kind: ConsecutiveFailure, count: Int)? {
        let run = runs[endpoint]
        guard run.gatewayErrors >= limitGateway || run.status5xx >= limit5xx else { return nil }
        runs[endpoint] = Run(after: run.number, answeredAt: run.answeredAt, answeredRoute: run.answeredRoute)
        guard run.gatewayErrors >= limitGateway else { return (.status5xx, Int(run.status5xx)) }
        guard run.areAllLate, run.lateRoutes != 0 else { return (.gatewayError, Int(run.gatewayErrors)) }
        runs[endpoint].wasToldLate = true
        return (.timeout, Int(run.gatewayErrors))
    }
}
