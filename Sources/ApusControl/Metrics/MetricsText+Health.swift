import ApusBalancing
import ApusModel

/// What is known of the endpoints' health: states, ejections, breakers.
extension MetricsText {
    func writeHealth(_ health: HealthReport, to writer: inout ExpositionWriter) {
        writer.family(
            "apus_endpoint_up", .gauge,
            "1 while the endpoint's health lets requests be sent there, whatever its weight, else 0.")
        eachEndpoint(of: health) { labels, health, index in writer.sample(labels, health.isAvailable(index) ? 1 : 0) }
        writer.family(
            "apus_endpoint_health", .gauge,
            "1 for the state the endpoint is in, 0 for the others; unknown: not probed yet, requests are sent.")
        eachEndpoint(of: health) { labels, health, index in
            let state = health.state(index).kind
            for kind in EndpointState.Kind.allCases {
                writer.sample(labels.adding("state", kind.label), state == kind ? 1 : 0)
            }
        }
        writeShares(health, to: &writer)
        writeEjections(health, to: &writer)
    }

    /// What health and weights come to: who gets new requests.
    private func writeShares(_ health: HealthReport, to writer: inout ExpositionWriter) {
        writer.family("apus_endpoint_weight", .gauge, "The endpoint's weight in force; at 0 it drains.")
        eachEndpoint(of: health) { labels, health, index in writer.sample(labels, UInt64(health.weight(index))) }
        writer.family(
            "apus_endpoint_slow_start_share", .gauge,
            "What the endpoint gets of its requests: less than 1 for a while after it came back.")
        let now = health.now
        for pool in pools where snapshot.pools[pool].slowStart != nil {
            eachEndpoint(of: health, pool) { labels, health, index in
                writer.sample(labels, share: health.slowStartShare(index, now: now) ?? 1)
            }
        }
        writer.family("apus_pool_endpoints", .gauge, "Endpoints of the pool.")
        for pool in pools { writer.sample(["pool": poolNames[pool]], UInt64(health.pools[pool].count)) }
        writer.family(
            "apus_pool_endpoints_available", .gauge, "Those of them that new requests may be sent to.")
        for pool in pools { writer.sample(["pool": poolNames[pool]], UInt64(health.pools[pool].servingCount)) }
    }

    private func writeEjections(_ health: HealthReport, to writer: inout ExpositionWriter) {
        writer.family(
            "apus_endpoint_ejected", .gauge, "1 while the endpoint is out of service for its answers, else 0.")
        eachEndpoint(of: health) { labels, health, index in writer.sample(labels, health.isEjected(index) ? 1 : 0) }
        writer.family("apus_endpoint_ejections_total", .counter, "Times that the endpoint was ejected, by cause.")
        for pool in pools {
            guard let rules = snapshot.pools[pool].outliers else { continue }
            eachEndpoint(of: health, pool) { labels, health, index in
                for (cause, count) in zip(EjectionCause.Kind.allCases, health.ejections(index)) where rules.know(cause)
                {
                    writer.sample(labels.adding("cause", cause.rawValue), UInt64(count))
                }
            }
        }
        writer.family(
            "apus_ejections_denied_total", .counter,
            "Ejections that there would have been, had not so many endpoints been ejected, or so few been left.")
        for pool in pools where snapshot.pools[pool].outliers != nil {
            writer.sample(["pool": poolNames[pool]], UInt64(health.pools[pool].deniedEjections))
        }
    }

    func writeBreakers(_ health: HealthReport, to writer: inout ExpositionWriter) {
        writer.family("apus_breaker_state", .gauge, "1 for the state the circuit breaker is in, 0 for the others.")
        eachBreaker(of: health) { labels, breaker in
            for kind in BreakerStatus.Kind.allCases {
                writer.sample(labels.adding("state", kind.rawValue), breaker.kind == kind ? 1 : 0)
            }
        }
        writer.family("apus_breaker_opened_total", .counter, "Times that the circuit breaker opened.")
        eachBreaker(of: health) { labels, breaker in writer.sample(labels, UInt64(breaker.openings)) }
    }

    private func eachEndpoint(of health: HealthReport, _ write: (LabelSet, PoolHealth, Int) -> Void) {
        for pool in pools { eachEndpoint(of: health, pool, write) }
    }

    private func eachEndpoint(of health: HealthReport, _ pool: Int, _ write: (LabelSet, PoolHealth, Int) -> Void) {
        for (index, endpoint) in snapshot.presentEndpoints(of: snapshot.pools[pool]).enumerated() {
            write(endpointLabels[endpoint], health.pools[pool], index)
        }
    }

    /// The breakers that there are by the configuration; the pool's own has the endpoint `none`.
    private func eachBreaker(of health: HealthReport, _ write: (LabelSet, BreakerStatus) -> Void) {
        for pool in pools where snapshot.pools[pool].poolBreaker != nil {
            write(["pool": poolNames[pool], "endpoint": "none"], health.pools[pool].poolBreaker)
        }
        for pool in pools where snapshot.pools[pool].endpointBreaker != nil {
            eachEndpoint(of: health, pool) { labels, health, index in write(labels, health.breaker(index)) }
        }
    }
}

extension OutlierRules {
    /// Whether an endpoint can be ejected for this.
    fileprivate func know(_ cause: EjectionCause.Kind) -> Bool {
        switch cause {
        case .consecutive5xx: consecutive5xx != nil
        case .consecutiveGatewayErrors, .consecutiveLate: consecutiveGatewayErrors != nil
        case .successRate: successRateDeviations != nil
        case .latency: latencyFactor != nil
        }
    }
}
