import ApusModel

/// What lies behind Apus: connections to endpoints, and what they answered.
extension MetricsText {
    func writeUpstream(to writer: inout ExpositionWriter) {
        write(.connectionsOpened, "apus_upstream_connections_opened_total", "Connections to endpoints opened.", &writer)
        writer.family(
            "apus_upstream_connections_open", .gauge, "Connections to endpoints open now, idle ones included.")
        for endpoint in endpoints {
            writer.sample(endpointLabels[endpoint], difference(of: .connectionsOpened, .connectionsClosed, endpoint))
        }
        write(
            .connectionsReused, "apus_upstream_connections_reused_total",
            "Requests sent on a connection that had served one before.", &writer)
        write(
            .connectFailures, "apus_upstream_connect_failures_total",
            "Connections to endpoints that were refused, timed out or found no way.", &writer)
        write(
            .connectShortages, "apus_upstream_connect_shortages_total",
            "Connections to endpoints for which this machine had no local port, descriptor or memory left.", &writer)
        writer.family("apus_upstream_exchanges_open", .gauge, "Requests at endpoints now.")
        for endpoint in endpoints { writer.sample(endpointLabels[endpoint], inFlight(endpoint)) }
        writer.family(
            "apus_upstream_exchanges_late", .gauge,
            "Requests at endpoints now that have waited for a response for more than a second.")
        for endpoint in endpoints {
            let slot = layout.endpoint(endpoint, .late)
            writer.sample(
                endpointLabels[endpoint], UInt64(counters.late(slot, workers: snapshot.workers, now: Prober.now)))
        }
        write(.retries, "apus_retries_total", "Attempts repeated after this endpoint failed them.", &writer)
        write(
            .failures, "apus_upstream_failures_total",
            "Attempts answered with a status of 500 or above, not to the end, or not at all.", &writer)
        write(
            .brokenResponses, "apus_upstream_broken_responses_total",
            "Responses that broke off, stopped, or were malformed behind their head, which was passed on.", &writer)
        write(.responses, "apus_upstream_responses_total", "Responses whose head came.", &writer)
        writer.family(
            "apus_upstream_response_seconds_total", .counter,
            "Time from sending a request until the head of its response came, summed up.")
        for endpoint in endpoints {
            let time = counters.total(layout.endpoint(endpoint, .responseMicroseconds))
            writer.sample(endpointLabels[endpoint], microseconds: time)
        }
    }

    private func write(
        _ counter: CounterLayout.EndpointCounter, _ name: String, _ help: String, _ writer: inout ExpositionWriter
    ) {
        writer.family(name, .counter, help)
        for endpoint in endpoints {
            writer.sample(endpointLabels[endpoint], counters.total(layout.endpoint(endpoint, counter)))
        }
    }

    /// Requests at an endpoint now.
    func inFlight(_ endpoint: Int) -> UInt64 { difference(of: .exchangesStarted, .exchangesEnded, endpoint) }

    private func difference(
        of opened: CounterLayout.EndpointCounter, _ closed: CounterLayout.EndpointCounter, _ endpoint: Int
    ) -> UInt64 {
        // The closed ones first: what closes in between must not make the difference negative.
        let closed = counters.total(layout.endpoint(endpoint, closed))
        let opened = counters.total(layout.endpoint(endpoint, opened))
        return opened - min(opened, closed)
    }
}
