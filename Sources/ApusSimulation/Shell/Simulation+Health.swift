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
        let due = min(
            balancers[balancer].control.nextWakeup ?? .max, balancers[balancer].control.nextInterval ?? .max)
        if due < healthDue[balancer] {
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
        let isAsk = balancers[balancer].control.health.isToBeAsked(endpoint)
        let check = isAsk ? pool.health.ofTheEjected : pool.health
        let timeout = check.timeout.microseconds
        let delay = scenario.origins.networkDelay
        var (result, time) = answer(toProbeOf: endpoint, check.probe)
        // Drawn whatever the answer, so that one fault does not change the luck of all later probes.
        if probeLuck.nextUnit() <= scenario.lostProbes { time = .max }
        if time > timeout - 2 * delay {
            time = max(0, timeout - 2 * delay)
            if result != .unreachable { result = .timedOut }
        }
        if let shortage = scenario.shortage(towards: endpoint, at: now) { (result, time) = (.lacks(shortage), 0) }
        events.schedule(
            .probeEnded(balancer: Int32(balancer), endpoint: Int32(endpoint), result, isAsk: isAsk),
            at: now + time + delay)
    }

    /// What the origin answers to a probe, and after what time: a tenth of what a request is to it.
    private mutating func answer(
        toProbeOf endpoint: Int, _ probe: HealthCheck.Probe
    ) -> (ProbeResult, VirtualTime) {
        // Where checks only connect, any answer to what is asked besides will do.
        let mindsErrors = if case .http = pool.health.probe { true } else { false }
        let luck = probeLuck.nextUnit()
        switch origins[endpoint].mode {
        case .dead: return (.refused, 0)
        case .unreachable: return (.unreachable, .max)
        case .hung: return probe == .tcp ? (.good, 0) : (.timedOut, .max)
        case .serving where probe == .tcp: return (.good, 0)
        case .serving where mindsErrors && luck <= origins[endpoint].errorShare: return (.error, 0)
        case .serving:
            return (.good, origins[endpoint].duration(of: VirtualTime(scenario.origins.service.mean / 10)))
        }
    }

    mutating func probeEnded(_ balancer: Int, _ endpoint: Int, _ result: ProbeResult, isAsk: Bool) {
        let failure: CheckFailure? =
            switch result {
            case .good: nil
            case .refused: .connectionRefused
            case .unreachable: .connectTimedOut
            case .timedOut: .timedOut
            case .error: .status(503)
            case .lacks(let shortage): .shortage(shortage)
            }
        observer.saw(.probed(balancer: balancer, endpoint: endpoint, failure), at: now)
        carryOut(balancers[balancer].control.probed(endpoint, failure, isAsk: isAsk, now: now), of: balancer)
    }

    mutating func healthDue(_ balancer: Int) {
        healthDue[balancer] = .max
        carryOut(balancers[balancer].control.woken(now: now), of: balancer)
        if let due = balancers[balancer].control.nextInterval, due <= now {
            let volumes = balancers[balancer].takeVolumes()
            carryOut(balancers[balancer].control.intervalEnded(volumes, now: now), of: balancer)
        }
    }

    // MARK: - Decisions

    /// Tells the control plane what an attempt changed.
    mutating func tell(_ report: AttemptReport, _ balancer: Int, _ endpoint: Int) {
        guard !report.isEmpty else { return }
        if let state = report.endpointBreaker {
            observer.saw(.breaker(balancer: balancer, endpoint: endpoint, state), at: now)
            let changes = balancers[balancer].control.breakerChanged(
                .endpoint(endpoint), state, report.endpointCause, now: now)
            carryOut(changes, of: balancer)
        }
        if let state = report.poolBreaker {
            observer.saw(.breaker(balancer: balancer, endpoint: nil, state), at: now)
            carryOut(
                balancers[balancer].control.breakerChanged(.pool, state, report.poolCause, now: now), of: balancer)
        }
        if let (kind, count) = report.failedInARow {
            carryOut(balancers[balancer].control.failedInARow(endpoint, kind, count: count, now: now), of: balancer)
        }
        if report.answersAgain {
            carryOut(balancers[balancer].control.answersAgain(endpoint, now: now), of: balancer)
        }
    }

    /// Carries out what a control plane has decided.
    mutating func carryOut(_ changes: [HealthChange], of balancer: Int) {
        for change in changes {
            let health = balancers[balancer].control.health
            if let line = change.change(by: balancer, of: health, at: now) { statistics.changes.append(line) }
            guard case .endpoint(let change) = change, change.changesAvailability else { continue }
            events.schedule(
                .availabilityReachedWorker(
                    balancer: Int32(balancer), endpoint: Int32(change.endpoint), isAvailable: change.isAvailable),
                at: now + scenario.reactionDelay)
        }
        if !changes.isEmpty { observer.saw(.decided(balancer: balancer, changes), at: now) }
        scheduleControl(balancer)
    }

    mutating func availabilityReachedWorker(_ balancer: Int, _ endpoint: Int, _ isAvailable: Bool) {
        balancers[balancer].dispatcher.setAvailable(endpoint, isAvailable, now: now)
        observer.saw(.availability(balancer: balancer, endpoint: endpoint, isAvailable: isAvailable), at: now)
        balancers[balancer].room += balancers[balancer].dispatcher.waitingCount
    }
}
