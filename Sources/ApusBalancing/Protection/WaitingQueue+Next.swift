extension WaitingQueue {
    /// The request that `takeNext` would take, which stays where it is.
    @inlinable
    public func next(now: Int64) -> Int32? {
        guard oldest >= 0 else { return nil }
        let isNewestNext = isAdaptive && oldestWait(now: now) > patience
        return links[Int(isNewestNext ? newest : oldest)].handle
    }
}
