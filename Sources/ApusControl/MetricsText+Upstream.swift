import ApusBalancing
import ApusModel

/// What lies behind Apus, and Apus itself: connections to endpoints, their health, the workers.
extension MetricsText {
    func writeUpstream(to writer: inout ExpositionWriter) {
        write(.connectionsOpened, "apus_upstream_connections_opened_total", "Connections to endpoints opened.", &writer)
        writer.family(
            "apus_upstream_connections_open", .gauge, "Connections to endpoints open now, idle ones included.")
        writeDifference(of: .connectionsOpened, .connectionsClosed, to: &writer)
        write(
            .connectionsReused, "apus_upstream_connections_reused_total",
            "Requests sent on a connection that had served one before.", &writer)
        write(
            .connectFailures, "apus_upstream_connect_failures_total",
            "Connections to endpoints that were refused, timed out or found no way.", &writer)
        writer.family("apus_upstream_exchanges_open", .gauge, "Requests at endpoints now.")
        writeDifference(of: .exchangesStarted, .exchangesEnded, to: &writer)
        write(.retries, "apus_retries_total", "Attempts repeated after this endpoint failed them.", &writer)
    }

    func writeHealth(_ health: HealthReport, to writer: inout ExpositionWriter) {
        writer.family("apus_endpoint_up", .gauge, "1 while requests may be sent to the endpoint, else 0.")
        for (labels, state) in zip(endpointLabels, health.endpoints) {
            writer.sample(labels, state.isAvailable ? 1 : 0)
        }
        writer.family(
            "apus_endpoint_health", .gauge,
            "1 for the state the endpoint is in, 0 for the others; unknown: not probed yet, requests are sent.")
        for (labels, state) in zip(endpointLabels, health.endpoints) {
            for label in EndpointHealth.State.labels {
                writer.sample(labels.adding("state", label), state.label == label ? 1 : 0)
            }
        }
    }

    func writeWorkers(to writer: inout ExpositionWriter) {
        writer.family("apus_worker_busy_seconds_total", .counter, "Time the worker's loop worked rather than waited.")
        eachWorker(.busyMicroseconds) { writer.sample($0, microseconds: $1) }
        writer.family("apus_worker_loop_turns_total", .counter, "Turns of the worker's loop.")
        eachWorker(.loopTurns) { writer.sample($0, $1) }
        writer.family("apus_worker_buffer_bytes", .gauge, "Bytes of the worker's buffers in use now.")
        eachWorker(.bufferBytes) { writer.sample($0, $1) }
        writer.family(
            "apus_access_log_dropped_total", .counter,
            "Access log lines dropped because they came faster than the disk.")
        writer.sample([:], link.total(layout.worker(.accessLogDropped)))
    }

    private func eachWorker(_ counter: CounterLayout.WorkerCounter, _ write: (LabelSet, UInt64) -> Void) {
        for worker in 0..<snapshot.workers {
            write(["worker": "\(worker)"], link.value(layout.worker(counter), worker: worker))
        }
    }

    private func write(
        _ counter: CounterLayout.EndpointCounter, _ name: String, _ help: String, _ writer: inout ExpositionWriter
    ) {
        writer.family(name, .counter, help)
        for (endpoint, labels) in endpointLabels.enumerated() {
            writer.sample(labels, link.total(layout.endpoint(endpoint, counter)))
        }
    }

    private func writeDifference(
        of opened: CounterLayout.EndpointCounter, _ closed: CounterLayout.EndpointCounter,
        to writer: inout ExpositionWriter
    ) {
        for (endpoint, labels) in endpointLabels.enumerated() {
            // The closed ones first: what closes in between must not make the difference negative.
            let closed = link.total(layout.endpoint(endpoint, closed))
            let opened = link.total(layout.endpoint(endpoint, opened))
            writer.sample(labels, opened - min(opened, closed))
        }
    }
}
