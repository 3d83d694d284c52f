public import ApusHTTP

/// Which slot of a worker's counters counts what.
///
/// Each worker owns one flat bank of 64-bit counters and is the only one that writes to it; the control plane adds the
/// banks up. This layout is what both sides agree on: `Snapshot.counterLayout` has it, and where endpoints came or went it
/// goes on from the layout before, in the same banks (`CounterRoom`).
public struct CounterLayout: Sendable {
    /// Upper bounds of the latency histogram's buckets, in microseconds; a last bucket takes everything slower.
    public static let latencyBounds: [Int64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000, 30_000_000,
    ]
    /// Status classes: 1xx to 5xx under 1...5, statuses above 599 with the last; 0 for an exchange that ended without a status.
    @inlinable
    public static var statusClasses: Int { 6 }
    /// Buckets of one histogram: one per bound, and one for everything slower.
    static let bucketCount = latencyBounds.count + 1

    /// What is counted once per listener.
    public enum ListenerCounter: Int, CaseIterable, Sendable {
        case connectionsAccepted, connectionsClosed, bytesReceived, bytesSent
        /// TLS handshakes that were completed, and those of them that resumed a session.
        case handshakes, handshakesResumed
        /// Those that failed, were not over in time, and whose client left.
        case handshakeFailures, handshakeTimeouts, handshakesLeft
        /// Those whose client has shown a certificate that is good, and those that failed for the one it has shown, or not shown.
        case clientCertificates, clientCertificateFailures
        /// Those that were completed with TLS 1.2.
        case handshakesOf12
        /// Headers of the PROXY protocol that were accepted; that were refused, or were not whole in time; and connections
        /// that ended before one began.
        case proxyHeaders, proxyHeadersRefused, proxyHeaderTimeouts, proxyHeadersLeft
        /// Handshakes that failed, by why: these stand in the order of `HandshakeFault.Kind`.
        case firstHandshakeFault
    }

    /// What is counted once per endpoint.
    public enum EndpointCounter: Int, CaseIterable, Sendable {
        case connectionsOpened, connectionsClosed, connectionsReused, connectFailures, exchangesStarted, exchangesEnded
        case retries
        /// Connections that could not be made because this machine lacked something for them.
        case connectShortages
        /// Responses with a status of 500 or above or that broke off, and attempts that got no response.
        case failures
        /// Responses that broke off, stopped, or were malformed behind their head, which had been passed on.
        case brokenResponses
        /// Responses whose head came, and the microseconds that they took together from the request's sending.
        case responses, responseMicroseconds
        /// Requests that have waited for a response for more than a second (`LateRequests`, of each worker by itself).
        case late
    }

    /// What is counted once per pool.
    public enum PoolCounter: Int, CaseIterable, Sendable {
        /// Requests that wait for an endpoint now (a gauge).
        case queued
        /// Requests that waited and were then sent, and the microseconds that they waited together.
        case dequeued, queueMicroseconds
        /// Retries that the budget did not allow.
        case retriesDenied
        /// Second requests sent by hedging, and those that won.
        case hedges, hedgesWon
        /// The adaptive limit now (a gauge); 0 without one.
        case concurrencyLimit
        /// Requests that the fallback answered.
        case fallbacks
        /// Requests sent while too few endpoints were available for health to be looked at.
        case panicPicks
    }

    /// What is counted once per worker.
    public enum WorkerCounter: Int, CaseIterable, Sendable {
        /// Bytes of buffers in use now (a gauge).
        case bufferBytes
        case accessLogDropped
        case loopTurns
        /// Microseconds that the loop spent working rather than waiting.
        case busyMicroseconds
        /// Connections open now, to clients and to endpoints; exchanges under way; deadlines and alarms that are set;
        /// pipes that exist (gauges).
        case clientConnections, upstreamConnections, exchanges, timers, pipes
        /// The system's number of the worker's thread; 0 before it runs.
        case threadNumber
    }

    /// What is counted once per worker, by how long it took.
    public enum WorkerHistogram: Int, CaseIterable, Sendable {
        /// Turns of the loop. The first bucket stays empty: it has all turns that are in no other.
        case turn
        /// Sleeps of the loop that ran out: how much later than asked for it woke.
        case wakeup
    }

    /// Upper bounds of the workers' histograms, in microseconds.
    public static let turnBounds: [Int64] = [
        1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    ]
    static let turnBucketCount = turnBounds.count + 1

    // Everything below is read once or more per request, in other modules: plain stored numbers, no lazy statics.
    @usableFromInline let listenerBase: Int
    @usableFromInline var endpointBase: Int
    @usableFromInline let poolBase: Int
    @usableFromInline let reasonBase: Int
    @usableFromInline let workerBase: Int
    @usableFromInline let listenerStride: Int
    @usableFromInline let endpointStride: Int
    @usableFromInline let poolStride: Int
    @usableFromInline let reasonStride: Int
    @usableFromInline let bucketCount: Int
    /// Per route, its first row: it has one for each of its pools, and one when it has none.
    @usableFromInline var routeRows: [Int]
    /// The row of the first listener's requests that matched no route.
    @usableFromInline var unroutedBase: Int
    /// Per row (a route and one of its pools, or a listener's requests that matched none): where its slots are.
    @usableFromInline var rows: [Row]
    /// How many slots there are: as many as a bank needs at least.
    public internal(set) var count: Int

    /// Where the requests and the histogram of one row start, and which endpoints may have answered them.
    @usableFromInline
    struct Row: Sendable {
        @usableFromInline var first: Int
        @usableFromInline let count: Int
        /// What turns an endpoint of the pool that answers when the row's own has none left into its column; without such
        /// a pool, the column of answers by Apus itself is all there is beyond `count`.
        @usableFromInline var fallbackShift: Int
        @usableFromInline let fallbackCount: Int
        @usableFromInline let requests: Int
        @usableFromInline let latency: Int
    }

    /// The layout of a snapshot by itself.
    init(_ snapshot: Snapshot) {
        var next = 0
        func take(_ slots: Int) -> Int {
            defer { next += slots }
            return next
        }
        listenerStride = ListenerCounter.allCases.count - 1 + HandshakeFault.Kind.allCases.count
        endpointStride = EndpointCounter.allCases.count
        poolStride = PoolCounter.allCases.count
        reasonStride = Reason.allCases.count
        bucketCount = Self.bucketCount
        workerBase = take(Self.workerStride)
        listenerBase = take(snapshot.listeners.count * listenerStride)
        endpointBase = take(snapshot.endpoints.count * endpointStride)
        poolBase = take(snapshot.pools.count * poolStride)
        reasonBase = take(snapshot.listeners.count * reasonStride)
        var rows: [Row] = []
        var routeRows: [Int] = []
        routeRows.reserveCapacity(snapshot.routes.count)
        rows.reserveCapacity(snapshot.routes.count + snapshot.listeners.count)
        // Copying a route copies everything in it.
        for index in snapshot.routes.indices {
            routeRows.append(rows.count)
            let branches = snapshot.routes[index].pools
            for branch in branches { rows.append(Row(Columns(snapshot, pool: branch.pool), at: &next)) }
            if branches.isEmpty { rows.append(Row(Columns(), at: &next)) }
        }
        self.routeRows = routeRows
        unroutedBase = rows.count
        for _ in snapshot.listeners { rows.append(Row(Columns(), at: &next)) }
        self.rows = rows
        count = next
    }

    /// The endpoints that the requests of a pool may be counted under: its own, and those of the pool that it falls back to.
    struct Columns {
        var own = 0..<0
        var fallback = 0..<0

        init() {}

        init(_ snapshot: Snapshot, pool: Int) {
            own = snapshot.pools[pool].endpoints
            if case .pool(let other) = snapshot.pools[pool].fallback { fallback = snapshot.pools[other].endpoints }
        }
    }

    /// The row of requests that matched `route` and went to the `branch`-th of its pools; 0 for a route without.
    @inlinable
    public func row(route: Int, branch: Int = 0) -> Int { routeRows[route] &+ branch }

    /// The row of requests that matched no route of `listener`.
    @inlinable
    public func unroutedRow(listener: Int) -> Int { unroutedBase + listener }

    /// The endpoints that may answer the requests of `row`: its pool's, and those of that pool's fallback.
    public func endpoints(row: Int) -> [Int] {
        let row = rows[row]
        return (0..<row.count).map { row.first + $0 }
            + (0..<row.fallbackCount).map { $0 + row.count - row.fallbackShift }
    }

    /// The requests of `row`: of each column, all status classes.
    func requests(row: Int) -> Range<Int> { rows[row].requests..<rows[row].latency }

    /// All slots of `row`: its requests, then its histogram.
    func slots(row: Int) -> Range<Int> { rows[row].requests..<(rows[row].latency + bucketCount + 1) }

    /// Requests of `row`, answered by `endpoint` (nil: by Apus itself), by status class.
    @inlinable @inline(__always)
    public func requests(row: Int, endpoint: Int?, statusClass: Int) -> Int {
        let row = rows[row]
        var column = row.count &+ row.fallbackCount
        if let endpoint {
            let own = endpoint &- row.first
            column = own >= 0 && own < row.count ? own : endpoint &+ row.fallbackShift
        }
        return row.requests &+ column &* Self.statusClasses &+ statusClass
    }

    /// The histogram bucket of `row` that `bucket` (0...latencyBounds.count) names.
    @inlinable
    public func latencyBucket(row: Int, bucket: Int) -> Int { rows[row].latency + bucket }

    /// The sum of all latencies of `row`, in microseconds.
    @inlinable
    public func latencySum(row: Int) -> Int { rows[row].latency + bucketCount }

    @inlinable
    public func listener(_ listener: Int, _ counter: ListenerCounter) -> Int {
        listenerBase + listener * listenerStride + counter.rawValue
    }

    /// Handshakes with clients of `listener` that failed for that.
    public func handshakes(_ fault: HandshakeFault.Kind, listener: Int) -> Int {
        self.listener(listener, .firstHandshakeFault) + fault.index
    }

    @inlinable
    public func endpoint(_ endpoint: Int, _ counter: EndpointCounter) -> Int {
        endpointBase + endpoint * endpointStride + counter.rawValue
    }

    @inlinable
    public func pool(_ pool: Int, _ counter: PoolCounter) -> Int {
        poolBase + pool * poolStride + counter.rawValue
    }

    /// Requests of `listener` that Apus answered itself or connections that it broke, by reason.
    @inlinable
    public func reason(_ reason: Reason, listener: Int) -> Int {
        reasonBase + listener * reasonStride + Int(reason.rawValue)
    }

    /// The first of the listener's reasons.
    func reasons(listener: Int) -> Int { reasonBase + listener * reasonStride }

    @inlinable
    public func worker(_ counter: WorkerCounter) -> Int { workerBase + counter.rawValue }

    private static let histogramStride = WorkerHistogram.allCases.count * (turnBucketCount + 1)

    /// All that is counted once per worker: its counters, its histograms with a sum each, and the requests of rows that
    /// are gone.
    static let workerStride = WorkerCounter.allCases.count + histogramStride + statusClasses

    /// Requests that ended under routes, pools and endpoints that are gone, by status class: with these, all requests of a
    /// process add up to a number that never falls.
    public func departedRequests(statusClass: Int) -> Int {
        workerBase + WorkerCounter.allCases.count + Self.histogramStride + statusClass
    }

    /// The bucket of a worker's histogram that `bucket` (0...turnBounds.count) names.
    public func worker(_ histogram: WorkerHistogram, bucket: Int) -> Int {
        workerBase + WorkerCounter.allCases.count + histogram.rawValue * (Self.turnBucketCount + 1) + bucket
    }

    /// The sum of a worker's histogram, in microseconds; that of turns is `busyMicroseconds`.
    public func workerSum(_ histogram: WorkerHistogram) -> Int { worker(histogram, bucket: Self.turnBucketCount) }
}

extension CounterLayout.Row {
    /// A row at the next slots.
    init(_ columns: CounterLayout.Columns, at next: inout Int) {
        first = columns.own.lowerBound
        count = columns.own.count
        fallbackShift = columns.own.count - columns.fallback.lowerBound
        fallbackCount = columns.fallback.count
        requests = next
        latency = next + (columns.own.count + columns.fallback.count + 1) * CounterLayout.statusClasses
        next = latency + CounterLayout.bucketCount + 1
    }

    /// The same slots, for the same endpoints under other indices.
    mutating func rename(_ columns: CounterLayout.Columns) {
        first = columns.own.lowerBound
        fallbackShift = columns.own.count - columns.fallback.lowerBound
    }
}
