extension RunningConfiguration {
    /// Hands what runs over to a process that takes this one's place.
    ///
    /// What `start` is told stays true while it runs: whoever wants another configuration or a change meanwhile waits.
    /// When it has returned they are refused, because this process's configuration is nobody's any more
    /// (`ConfigurationRefusal.handedOver`); when it has thrown, all goes on.
    ///
    /// What is being written to the state directory has ended before `start`, or is given up: from there on the directory is
    /// the successor's.
    ///
    /// - Parameter start: is given the revision that runs, what was changed while running, and what names stand for.
    public func handOver<Successor: Sendable>(
        _ start: @Sendable (Revision, HandedState) async throws -> Successor
    ) async throws -> Successor {
        try await takeTurn()
        defer { endTurn() }
        isHandingOver = true
        defer { isHandingOver = false }
        // It takes no longer than the patience of `stateFiles`.
        await keepingNames?.value
        await keepingAgain?.value
        store?.leave()
        let successor: Successor
        do {
            successor = try await start(revision, HandedState(dynamic: dynamic, names: knownNames))
        } catch {
            store?.comeBack()
            throw error
        }
        hasSuccessor = true
        return successor
    }
}
