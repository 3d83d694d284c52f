extension RunningConfiguration {
    /// Hands what runs over to a process that takes this one's place.
    ///
    /// What `start` is told stays true while it runs: whoever wants another configuration or a change meanwhile waits.
    /// When it has returned they are refused, because this process's configuration is nobody's any more
    /// (`ConfigurationRefusal.handedOver`); when it has thrown, all goes on.
    ///
    /// - Parameter start: is given the revision that runs and what was changed while running.
    public func handOver<Successor: Sendable>(
        _ start: @Sendable (Revision, DynamicState) async throws -> Successor
    ) async throws -> Successor {
        try await takeTurn()
        defer { endTurn() }
        let successor = try await start(revision, dynamic)
        hasSuccessor = true
        return successor
    }
}
