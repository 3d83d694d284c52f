import ApusModel
import ApusTransport

/// Resources: what the worker has in hand, and how its loop keeps up.
extension Worker {
    /// Turns up to this many microseconds are not counted one by one.
    private static var shortTurn: Int64 { 1_000 }

    /// Counts a turn of the loop that ends now, and tells what the worker holds.
    mutating func recordTurn(since started: Int64, _ arena: borrowing BufferArena) {
        turnEnded = proxy.connections.links.clock()
        let time = max(0, turnEnded - started)
        proxy.records.counters.add(to: proxy.shared.layout.worker(.loopTurns))
        proxy.records.counters.add(UInt64(time), to: proxy.shared.layout.worker(.busyMicroseconds))
        if time > Self.shortTurn { recordLong(time, .turn) }
        proxy.recordHoldings(arena)
    }

    /// The loop asked to sleep for so long, nothing happened, and it woke: the rest of the time it waited to be let run.
    mutating func recordWakeup(after milliseconds: Int32) {
        let late = max(0, proxy.now - turnEnded - Int64(milliseconds) * 1_000)
        recordLong(late, .wakeup)
        proxy.records.counters.add(UInt64(late), to: proxy.shared.layout.workerSum(.wakeup))
    }

    @inline(never)
    private mutating func recordLong(_ time: Int64, _ histogram: CounterLayout.WorkerHistogram) {
        let bounds = CounterLayout.turnBounds
        var bucket = 0
        while bucket < bounds.count, time > bounds[bucket] { bucket += 1 }
        proxy.records.counters.add(to: proxy.shared.layout.worker(histogram, bucket: bucket))
    }
}
