/// What the engines of all loops are made from: one for each snapshot of the configuration that has any.
public protocol LinkShields: Sendable {
    /// Engines for one event loop, which they stay with for as long as it runs.
    func makeEngines() -> any LinkEngines

    /// Has one loop's engines made from these from now on; those that there are stay as they are.
    func adopt(by engines: any LinkEngines)
}
