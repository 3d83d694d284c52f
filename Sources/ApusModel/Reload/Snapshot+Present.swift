extension Snapshot {
    /// The endpoints of the pool that no reload has removed: the first of its range, before those that are retired.
    public func presentEndpoints(of pool: Pool) -> Range<Int> {
        // In most pools nothing is retired.
        guard let last = pool.endpoints.last, endpoints[last].isRetired else { return pool.endpoints }
        let end = pool.endpoints.firstIndex { endpoints[$0].isRetired } ?? pool.endpoints.upperBound
        return pool.endpoints.lowerBound..<end
    }
}
