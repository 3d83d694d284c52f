import ApusModel

/// What is kept of requests' bodies to be sent again, against the memory that there is for it.
extension Validation {
    /// So many uploads at once are not to be expected where nothing bounds them.
    private static let manyUploads = 100

    mutating func checkKeptBodies(_ pool: PoolSection) {
        guard let position = pool.retries.bodyPosition else { return }
        guard attempts(of: pool) > 1 || routesMakeMoreAttempts(of: pool) else { return }
        checkKeptBodies(
            of: min(pool.retries.rules.bodyBytes, root.limits.limits.bodyBytes ?? .max), inFlight: inFlight(pool),
            bound: "requests: { max: ", at: position)
    }

    mutating func checkKeptBodies(_ route: RouteSection, _ retries: RouteRetriesSection, _ pools: [PoolSection]) {
        guard let position = retries.bodyPosition else { return }
        let most = route.limits.bodyBytes ?? root.limits.limits.bodyBytes ?? .max
        let inPools = pools.reduce(0) { $0 + min(inFlight($1), Bounds.counts.upperBound) }
        checkKeptBodies(
            of: min(retries.bodyBytes, most), inFlight: min(inPools, route.limits.requests ?? .max),
            bound: "limits: { requests: ", at: position)
    }

    /// - Parameters:
    ///   - inFlight: requests that may be under way at once.
    ///   - bound: what bounds them, up to the number.
    private mutating func checkKeptBodies(of bytes: Int, inFlight: Int, bound: String, at position: SourcePosition) {
        let memory = root.limits.limits.bufferBytesPerWorker
        let few = memory / 2 / max(1, bytes)
        guard few < Self.manyUploads, inFlight > few else { return }
        let kept = "\(ByteSize.write(bytes)) of a request's body are kept until its response begins"
        let whole = "a worker's `limits.buffer_memory` (\(ByteSize.write(memory)))"
        guard few > 0 else {
            findings.warning(
                "\(kept), and one request then takes more than half of \(whole); write a smaller `body`, or raise that",
                at: position)
            return
        }
        findings.warning(
            "\(kept): \(few) at once take half of \(whole), and \(inFlight) may be in flight; beyond it requests are "
                + "answered 503 (`memory_limit`). Write a smaller `body`, raise that, or bound them: `\(bound)\(few) }`",
            at: position)
    }

    /// Requests to the pool that may be in flight at once.
    private func inFlight(_ pool: PoolSection) -> Int {
        let limits = root.limits.limits
        let listeners = max(1, root.listeners.count)
        let (clients, isMany) = limits.connectionsPerListener.multipliedReportingOverflow(by: listeners)
        let perEndpoint = pool.pool.requests.perEndpoint ?? .max
        let (endpoints, areMany) = perEndpoint.multipliedReportingOverflow(by: max(1, pool.endpoints.count))
        // A host name may stand for any number of endpoints.
        let isOpen = areMany || pool.endpoints.contains { $0.address?.value.isName ?? false }
        return min(
            limits.requestsPerWorker, isMany ? .max : clients, isOpen ? .max : endpoints,
            pool.pool.requests.perPool ?? .max)
    }
}
