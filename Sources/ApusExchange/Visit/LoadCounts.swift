/// Counts of what is in flight: exchanges on each endpoint and in each pool, requests that wait.
///
/// The workers of a process share theirs, so another worker may change a count between two calls; a simulated balancer
/// has its own.
public protocol LoadCounts {
    func value(_ index: Int) -> Int

    /// Adds to a count and returns the new one.
    @discardableResult
    mutating func add(_ amount: Int, to index: Int) -> Int
}

extension LoadCounts {
    /// Counts one more, where there may be so many.
    ///
    /// - Returns: false, and nothing is counted, where there are as many already.
    @inlinable @inline(__always)
    public mutating func takePlace(_ index: Int, limit: Int) -> Bool {
        guard add(1, to: index) > limit else { return true }
        add(-1, to: index)
        return false
    }
}
