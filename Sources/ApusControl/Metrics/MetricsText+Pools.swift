import ApusBalancing
import ApusModel

/// What happens to requests on their way through a pool: waiting, retries, hedges, limits, fallbacks, panic.
extension MetricsText {
    func writePanic(_ health: HealthReport, to writer: inout ExpositionWriter) {
        writer.family(
            "apus_pool_panic", .gauge,
            "1 while so few of the pool's endpoints are available that all are used, else 0.")
        for pool in pools { writer.sample(["pool": poolNames[pool]], health.pools[pool].isPanicking ? 1 : 0) }
    }

    func writePools(to writer: inout ExpositionWriter) {
        write(.panicPicks, "apus_panic_picks_total", .counter, "Requests sent while the pool panicked.", &writer)
        write(.fallbacks, "apus_fallbacks_total", .counter, "Requests that the pool's fallback answered.", &writer)
        write(.queued, "apus_queue_length", .gauge, "Requests that wait for an endpoint now.", &writer)
        write(.dequeued, "apus_queued_requests_total", .counter, "Requests that waited and were then sent.", &writer)
        writer.family("apus_queue_wait_seconds_total", .counter, "Time that requests waited that were then sent.")
        eachPool(.queueMicroseconds) { writer.sample($0, microseconds: $1) }
        write(
            .retriesDenied, "apus_retries_denied_total", .counter, "Retries that the budget did not allow.", &writer)
        write(.hedges, "apus_hedges_total", .counter, "Second requests sent because the first was slow.", &writer)
        write(.hedgesWon, "apus_hedges_won_total", .counter, "Of those, the ones that were answered first.", &writer)
        write(
            .concurrencyLimit, "apus_concurrency_limit", .gauge,
            "Requests that the adaptive limit lets into the pool now; 0 without one.", &writer)
    }

    private func write(
        _ counter: CounterLayout.PoolCounter, _ name: String, _ kind: ExpositionWriter.Kind, _ help: String,
        _ writer: inout ExpositionWriter
    ) {
        writer.family(name, kind, help)
        eachPool(counter) { writer.sample($0, $1) }
    }

    private func eachPool(_ counter: CounterLayout.PoolCounter, _ write: (LabelSet, UInt64) -> Void) {
        for pool in pools {
            write(["pool": poolNames[pool]], counters.total(layout.pool(pool, counter)))
        }
    }
}
