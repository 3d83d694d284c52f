import ApusBalancing
import ApusModel

/// The control planes' side: probes, and what they and the workers' facts lead to.
extension Simulation {
    /// Schedules what the balancer's control plane waits for, unless something sooner is scheduled already.
    mutating func scheduleControl(_ balancer: Int) {
        if let due = balancers[balancer].control.nextProbe, due < probesDue[balancer] {
            probesDue[balancer] = due
            events.schedule(.probesDue(balancer: Int32(balancer)), at: max(now, due))
        }
        if let due = balancers[balancer].control.nextWakeup, due < healthDue[balancer] {
            healthDue[balancer] = due
            events.schedule(.healthDue(balancer: Int32(balancer)), at: max(now, due))
        }
    }

    mutating func startProbes(_ balancer: Int) {
        probesDue[balancer] = .max
        while let endpoint = balancers[balancer].control.takeDueProbe(now: now) {
            events.schedule(
                .probeReachedOrigin(balancer: Int32(balancer), endpoint: Int32(endpoint)),
                at: now + scenario.origins.networkDelay)
        }
        scheduleControl(balancer)
    }

    mutating func probeReachedOrigin(_ balancer: Int, _ endpoint: Int) {
        let timeout = pool.health.timeout.inMicroseconds
        let delay = scenario.origins.networkDelay
        var (result, time) = answer(toProbeOf: endpoint)
        // Drawn whatever the answer, so that one fault does not change the luck of all later probes.
        if probeLuck.nextUnit() <= scenario.lostProbes { time = .max }
        if time > timeout - 2 * delay { (result, time) = (.timedOut, max(0, timeout - 2 * delay)) }
        events.schedule(
            .probeEnded(balancer: Int32(balancer), endpoint: Int32(endpoint), result), at: now + time + delay)
    }

    /// What the origin answers to a probe, and after what time: a tenth of what a request is to it.
    private mutating func answer(toProbeOf endpoint: Int) -> (ProbeResult, VirtualTime) {
        let isHTTP = if case .http = pool.health.probe { true } else { false }
        let luck = probeLuck.nextUnit()
        switch origins[endpoint].mode {
        case .dead: return (.refused, 0)
        case .unreachable: return (.timedOut, .max)
        case .hung: return pool.health.probe == .tcp ? (.good, 0) : (.timedOut, .max)
        case .serving where pool.health.probe == .tcp: return (.good, 0)
        case .serving where isHTTP && luck <= origins[endpoint].errorShare: return (.error, 0)
        case .serving:
            return (.good, origins[endpoint].duration(of: VirtualTime(scenario.origins.service.mean / 10)))
        }
    }

    mutating func probeEnded(_ balancer: Int, _ endpoint: Int, _ result: ProbeResult) {
        let failure: CheckFailure? =
            switch result {
            case .good: nil
            case .refused: .connectionRefused
            case .timedOut: .timedOut
            case .error: .status(503)
            }
        carryOut(balancers[balancer].control.probed(endpoint, failure, now: now), of: balancer)
    }

    mutating func healthDue(_ balancer: Int) {
        healthDue[balancer] = .max
        carryOut(balancers[balancer].control.woken(now: now), of: balancer)
    }

    // MARK: - Decisions

    /// Tells the control plane, and the timeline, what an attempt changed.
    mutating func tell(_ report: AttemptReport, _ balancer: Int, _ endpoint: Int) {
        guard !report.isEmpty else { return }
        if let state = report.endpointBreaker {
            note(state, report.endpointCause, balancer, endpoint)
        }
        if let state = report.poolBreaker {
            note(state, report.poolCause, balancer, nil)
        }
        if let (kind, count) = report.failedInARow {
            carryOut(balancers[balancer].control.failedInARow(endpoint, kind, count: count, now: now), of: balancer)
        }
    }

    private mutating func note(_ state: BreakerState, _ cause: BreakerCause?, _ balancer: Int, _ endpoint: Int?) {
        observer.saw(.breaker(balancer: balancer, endpoint: endpoint, state), at: now)
        let reason = cause.map { ": \($0)" } ?? ""
        let text =
            switch state {
            case .closed: "breaker is closed\(reason)"
            case .open(let until, _): "breaker is open for \((until - now).durationText)\(reason)"
            case .halfOpen: "breaker is half-open\(reason)"
            }
        statistics.changes.append(StateChange(at: now, balancer: balancer, endpoint: endpoint, text: text))
    }

    /// Carries out what a control plane has decided.
    mutating func carryOut(_ changes: [SimulatedControlPlane.Change], of balancer: Int) {
        for change in changes {
            statistics.changes.append(
                StateChange(at: now, balancer: balancer, endpoint: change.endpoint, text: change.text))
            guard let isAvailable = change.isAvailable else { continue }
            events.schedule(
                .availabilityReachedWorker(
                    balancer: Int32(balancer), endpoint: Int32(change.endpoint), isAvailable: isAvailable),
                at: now + scenario.reactionDelay)
        }
        scheduleControl(balancer)
    }

    mutating func availabilityReachedWorker(_ balancer: Int, _ endpoint: Int, _ isAvailable: Bool) {
        balancers[balancer].dispatcher.setAvailable(endpoint, isAvailable, now: now)
        observer.saw(.availability(balancer: balancer, endpoint: endpoint, isAvailable: isAvailable), at: now)
        if isAvailable { serveQueue(balancer) }
    }
}
