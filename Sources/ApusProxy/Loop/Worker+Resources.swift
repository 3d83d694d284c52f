import ApusModel
import ApusTransport

/// Resources: what the worker has in hand, and how its loop keeps up.
extension Worker {
    /// Turns up to this many microseconds are not counted one by one.
    private static var shortTurn: Int64 { 1_000 }

    /// Counts a turn of the loop that ends now, and tells what the worker holds.
    mutating func recordTurn(since started: Int64, _ arena: borrowing BufferArena) {
        schedule.turnEnded = links.clock()
        let time = max(0, schedule.turnEnded - started)
        records.counters.add(to: shared.layout.worker(.loopTurns))
        records.counters.add(UInt64(time), to: shared.layout.worker(.busyMicroseconds))
        if time > Self.shortTurn { recordLong(time, .turn) }
        records.counters.set(shared.layout.worker(.bufferBytes), to: UInt64(arena.bytesInUse))
        records.counters.set(shared.layout.worker(.clientConnections), to: UInt64(doors.clientCount))
        records.counters.set(
            shared.layout.worker(.upstreamConnections), to: UInt64(connections.count - doors.clientCount))
        records.counters.set(shared.layout.worker(.exchanges), to: UInt64(exchanges.count))
        records.counters.set(shared.layout.worker(.timers), to: UInt64(schedule.timers.count + schedule.alarms.count))
        records.counters.set(shared.layout.worker(.pipes), to: UInt64(links.pipeCount))
    }

    /// The loop asked to sleep for so long, nothing happened, and it woke: the rest of the time it waited to be let run.
    mutating func recordWakeup(after milliseconds: Int32) {
        let late = max(0, now - schedule.turnEnded - Int64(milliseconds) * 1_000)
        recordLong(late, .wakeup)
        records.counters.add(UInt64(late), to: shared.layout.workerSum(.wakeup))
    }

    @inline(never)
    private mutating func recordLong(_ time: Int64, _ histogram: CounterLayout.WorkerHistogram) {
        let bounds = CounterLayout.turnBounds
        var bucket = 0
        while bucket < bounds.count, time > bounds[bucket] { bucket += 1 }
        records.counters.add(to: shared.layout.worker(histogram, bucket: bucket))
    }
}
