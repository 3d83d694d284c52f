import Logging

/// Lets one in after the other, in the order in which they came: an actor alone would let in the next one whenever the one
/// before waits for something.
struct Turns {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Whether the turn was free, and is the caller's now.
    mutating func takeIfFree() -> Bool {
        if isTaken { return false }
        isTaken = true
        return true
    }

    /// The turn will be given to `continuation` by resuming it.
    mutating func wait(_ continuation: CheckedContinuation<Void, Never>) { waiting.append(continuation) }

    mutating func end() {
        if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
    }
}

extension RunningConfiguration {
    /// - Throws: `handedOver`, and it is nobody's turn any more; `endTurn` is not to follow.
    func takeTurn() async throws(ConfigurationRefusal) {
        if !turns.takeIfFree() { await withCheckedContinuation { turns.wait($0) } }
        guard hasSuccessor else { return }
        endTurn()
        logger.warning("\(ConfigurationRefusal.handedOver)")
        throw .handedOver
    }

    func endTurn() { turns.end() }
}
