import ApusBalancing
import ApusModel

extension HealthChange {
    /// The change as a line of the timeline, in the words of the log.
    func change(by balancer: Int, at now: VirtualTime) -> StateChange {
        switch self {
        case .endpoint(let change):
            StateChange(at: now, balancer: balancer, endpoint: change.endpoint, text: change.text(at: now))
        case .breaker(let transition):
            StateChange(at: now, balancer: balancer, endpoint: transition.endpoint, text: transition.text(at: now))
        case .panic(let panic):
            StateChange(at: now, balancer: balancer, endpoint: nil, text: panic.text)
        }
    }
}

extension EndpointChange {
    fileprivate func text(at now: VirtualTime) -> String {
        switch after {
        case .unhealthy(let cause): "is down: \(cause)"
        case .ejected(let until, let cause): "is ejected for \((until - now).roughDurationText): \(cause)"
        case .healthy where before == .unknown: "is up"
        case .healthy: "is up again: \(cause)"
        case .unknown: "gets requests again, which will tell whether it is up: \(cause)"
        case .draining: "drains: \(cause)"
        }
    }
}

extension BreakerTransition {
    fileprivate var endpoint: Int? {
        if case .endpoint(let endpoint) = owner { endpoint } else { nil }
    }

    fileprivate func text(at now: VirtualTime) -> String {
        let reason = after.cause.map { ": \($0)" } ?? ""
        return switch after.state {
        case .closed: "breaker closed"
        case .open(let until, _): "breaker open for \((until - now).roughDurationText)\(reason)"
        case .halfOpen: "breaker half-open"
        }
    }
}

extension PanicChange {
    fileprivate var text: String {
        isPanicking
            ? "panics: \(available) of \(total) endpoints available, all are used"
            : "no longer panics: \(available) of \(total) endpoints available"
    }
}
