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
