public import ApusHTTP

/// Which slot of a worker's counters counts what.
///
/// Each worker owns one flat bank of 64-bit counters and is the only one that writes to it; the control plane adds the
/// banks up. This layout, made from the snapshot, is what both sides agree on.
public struct CounterLayout: Sendable {
    /// Upper bounds of the latency histogram's buckets, in microseconds; a last bucket takes everything slower.
    public static let latencyBounds: [Int64] = [
        500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000, 30_000_000,
    ]
    /// Status classes: 1xx to 5xx under 1...5; 0 for an exchange that ended without a status.
    public static let statusClasses = 6
    static let bucketCount = latencyBounds.count + 1

    /// What is counted once per listener.
    public enum ListenerCounter: Int, CaseIterable, Sendable {
        case connectionsAccepted, connectionsClosed, bytesReceived, bytesSent
    }

    /// What is counted once per endpoint.
    public enum EndpointCounter: Int, CaseIterable, Sendable {
        case connectionsOpened, connectionsClosed, connectionsReused, connectFailures, exchangesStarted, exchangesEnded
        case retries
    }

    /// What is counted once per worker.
    public enum WorkerCounter: Int, CaseIterable, Sendable {
        /// Bytes of buffers in use now (a gauge).
        case bufferBytes
        case accessLogDropped
        case loopTurns
        /// Microseconds that the loop spent working rather than waiting.
        case busyMicroseconds
    }

    private let listenerBase: Int
    private let endpointBase: Int
    private let reasonBase: Int
    private let workerBase: Int
    /// Per row (a route, or a listener's requests that matched none): where its requests and its histogram start.
    private let requestBases: [Int]
    private let latencyBases: [Int]
    private let routeCount: Int
    private let rowPool: [Range<Int>]
    /// How many slots a bank needs.
    public let count: Int

    public init(_ snapshot: Snapshot) {
        var next = 0
        func take(_ slots: Int) -> Int {
            defer { next += slots }
            return next
        }
        workerBase = take(WorkerCounter.allCases.count)
        listenerBase = take(snapshot.listeners.count * ListenerCounter.allCases.count)
        endpointBase = take(snapshot.endpoints.count * EndpointCounter.allCases.count)
        reasonBase = take(snapshot.listeners.count * Reason.allCases.count)
        routeCount = snapshot.routes.count
        let pools = snapshot.routes.map { snapshot.pools[$0.pool].endpoints } + snapshot.listeners.map { _ in 0..<0 }
        rowPool = pools
        requestBases = pools.map { take(($0.count + 1) * Self.statusClasses) }
        latencyBases = pools.map { _ in take(Self.bucketCount + 1) }
        count = next
    }

    /// The row of requests that matched `route`, or that matched no route of `listener`.
    @inlinable
    public func row(route: Int?, listener: Int) -> Int {
        if let route { route } else { unroutedRow(listener: listener) }
    }

    public func unroutedRow(listener: Int) -> Int { routeCount + listener }

    /// Requests of `row`, answered by `endpoint` (nil: by Apus itself), by status class.
    public func requests(row: Int, endpoint: Int?, statusClass: Int) -> Int {
        let pool = rowPool[row]
        let column = endpoint.map { $0 - pool.lowerBound } ?? pool.count
        return requestBases[row] + column * Self.statusClasses + statusClass
    }

    /// The histogram bucket of `row` that `bucket` (0...latencyBounds.count) names.
    public func latencyBucket(row: Int, bucket: Int) -> Int { latencyBases[row] + bucket }

    /// The sum of all latencies of `row`, in microseconds.
    public func latencySum(row: Int) -> Int { latencyBases[row] + Self.bucketCount }

    public func listener(_ listener: Int, _ counter: ListenerCounter) -> Int {
        listenerBase + listener * ListenerCounter.allCases.count + counter.rawValue
    }

    public func endpoint(_ endpoint: Int, _ counter: EndpointCounter) -> Int {
        endpointBase + endpoint * EndpointCounter.allCases.count + counter.rawValue
    }

    /// Requests of `listener` that Apus answered itself or connections that it broke, by reason.
    public func reason(_ reason: Reason, listener: Int) -> Int {
        reasonBase + listener * Reason.allCases.count + Int(reason.rawValue)
    }

    public func worker(_ counter: WorkerCounter) -> Int { workerBase + counter.rawValue }
}
