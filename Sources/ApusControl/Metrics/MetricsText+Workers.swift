import ApusModel

/// Apus itself: how busy its workers are, how their loops keep up, and what they hold.
extension MetricsText {
    func writeWorkers(to writer: inout ExpositionWriter) {
        writeTime(to: &writer)
        writeHoldings(to: &writer)
        writer.family(
            "apus_access_log_dropped_total", .counter,
            "Access log lines that were dropped: they came faster than they could be written, or nobody took them.")
        writer.sample([:], counters.total(layout.worker(.accessLogDropped)))
    }

    private func writeTime(to writer: inout ExpositionWriter) {
        writer.family("apus_worker_busy_seconds_total", .counter, "Time the worker's loop worked rather than waited.")
        eachWorker(.busyMicroseconds) { writer.sample($0, microseconds: $1) }
        let threads = (0..<snapshot.workers).map { worker in
            ThreadFacts.read(counters.value(layout.worker(.threadNumber), worker: worker))
        }
        writer.family("apus_worker_cpu_seconds_total", .counter, "Processor time that the worker's thread used.")
        for (worker, facts) in threads.enumerated() {
            if let facts { writer.sample(Self.labels(worker), microseconds: facts.cpuMicroseconds) }
        }
        writer.family(
            "apus_worker_runqueue_seconds_total", .counter,
            "Time that the worker's thread could have run and waited for a processor.")
        for (worker, facts) in threads.enumerated() {
            if let time = facts?.waitingMicroseconds { writer.sample(Self.labels(worker), microseconds: time) }
        }
        writer.family("apus_worker_loop_turns_total", .counter, "Turns of the worker's loop.")
        eachWorker(.loopTurns) { writer.sample($0, $1) }
        writer.family(
            "apus_worker_turn_seconds", .histogram,
            "How long the turns of the worker's loop took: what happens during one waits until it is over.")
        for worker in 0..<snapshot.workers { writeTurns(of: worker, to: &writer) }
        writer.family(
            "apus_worker_wakeup_lag_seconds", .histogram,
            "How much later than asked for the worker woke from a sleep in which nothing happened.")
        for worker in 0..<snapshot.workers {
            writer.histogram(
                Self.labels(worker), bounds: CounterLayout.turnBounds, buckets: buckets(.wakeup, worker),
                sum: counters.value(layout.workerSum(.wakeup), worker: worker))
        }
    }

    private func writeTurns(of worker: Int, to writer: inout ExpositionWriter) {
        // The long ones first, so that one that is counted in between is not taken for a negative number of short ones.
        var buckets = buckets(.turn, worker)
        let long = buckets.reduce(0, +)
        let turns = counters.value(layout.worker(.loopTurns), worker: worker)
        buckets[0] = turns - min(turns, long)
        writer.histogram(
            Self.labels(worker), bounds: CounterLayout.turnBounds, buckets: buckets,
            sum: counters.value(layout.worker(.busyMicroseconds), worker: worker))
    }

    private func buckets(_ histogram: CounterLayout.WorkerHistogram, _ worker: Int) -> [UInt64] {
        (0...CounterLayout.turnBounds.count).map {
            counters.value(layout.worker(histogram, bucket: $0), worker: worker)
        }
    }

    private func writeHoldings(to writer: inout ExpositionWriter) {
        writer.family("apus_worker_connections", .gauge, "Connections of the worker that are open now, by their side.")
        for worker in 0..<snapshot.workers {
            for (side, counter) in [("client", .clientConnections), ("upstream", .upstreamConnections)]
                as [(String, CounterLayout.WorkerCounter)]
            {
                writer.sample(
                    Self.labels(worker).adding("side", side), counters.value(layout.worker(counter), worker: worker))
            }
        }
        writer.family("apus_worker_exchanges", .gauge, "Requests under way at the worker now.")
        eachWorker(.exchanges) { writer.sample($0, $1) }
        writer.family("apus_worker_timers", .gauge, "Entries in the worker's timer wheels now.")
        eachWorker(.timers) { writer.sample($0, $1) }
        writer.family("apus_worker_pipes", .gauge, "Pipes that the worker has for large bodies, in use or kept.")
        eachWorker(.pipes) { writer.sample($0, $1) }
        writer.family("apus_worker_buffer_bytes", .gauge, "Bytes of the worker's buffers in use now.")
        eachWorker(.bufferBytes) { writer.sample($0, $1) }
        writer.family("apus_worker_buffer_limit_bytes", .gauge, "Bytes of buffers that the worker may use.")
        for worker in 0..<snapshot.workers {
            writer.sample(Self.labels(worker), UInt64(snapshot.limits.bufferBytesPerWorker))
        }
    }

    private func eachWorker(_ counter: CounterLayout.WorkerCounter, _ write: (LabelSet, UInt64) -> Void) {
        for worker in 0..<snapshot.workers {
            write(Self.labels(worker), counters.value(layout.worker(counter), worker: worker))
        }
    }

    private static func labels(_ worker: Int) -> LabelSet { ["worker": "\(worker)"] }
}
