import Logging

/// Lets one in after the other, in the order in which they came: an actor alone would let in the next one whenever the one
/// before waits for something.
struct Turns {
    private(set) var isTaken = false
    private var waiting: [(number: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    private var lastNumber = 0

    /// Whether the turn was free, and is the caller's now.
    mutating func takeIfFree() -> Bool {
        if isTaken { return false }
        isTaken = true
        return true
    }

    mutating func nextNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    /// The turn will be given to `continuation` by resuming it with true.
    mutating func wait(_ number: Int, _ continuation: CheckedContinuation<Bool, Never>) {
        waiting.append((number, continuation))
    }

    /// One that waits leaves the line, if it is still there.
    mutating func leave(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).continuation.resume(returning: false)
    }

    mutating func end() {
        if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().continuation.resume(returning: true) }
    }
}

extension RunningConfiguration {
    /// - Throws: `handedOver`, and it is nobody's turn any more; `busy` when the task was cancelled while it waited; `endTurn`
    ///   is not to follow.
    func takeTurn() async throws(ConfigurationRefusal) {
        if !turns.takeIfFree() {
            let number = turns.nextNumber()
            let isMine = await withTaskCancellationHandler {
                await withCheckedContinuation { turns.wait(number, $0) }
            } onCancel: {
                Task { await self.leave(number) }
            }
            guard isMine else { throw ConfigurationRefusal(.cancelled) }
        }
        guard hasSuccessor else { return }
        endTurn()
        logger.warning("\(ConfigurationRefusal.handedOver)")
        throw .handedOver
    }

    private func leave(_ number: Int) { turns.leave(number) }

    func endTurn() { turns.end() }
}
