import ApusModel
import Synchronization

/// Waits until each of a number of others has arrived.
final class Countdown: Sendable {
    private let state: Mutex<State>

    private struct State {
        var missing: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    init(_ count: Int) { state = Mutex(State(missing: count)) }

    /// One of them is there. From any thread; never blocks.
    func arrive() {
        let released = state.withLock { state in
            state.missing -= 1
            guard state.missing == 0 else { return [CheckedContinuation<Void, Never>]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in released { continuation.resume() }
    }

    /// Returns when all are there.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.missing > 0 { state.waiting.append(continuation) }
                return state.missing <= 0
            }
            if isOver { continuation.resume() }
        }
    }
}

/// Collects what each worker has in use.
final class CensusTaking: Sendable {
    let arrivals: Countdown
    private let census = Mutex(Census())

    init(workers: Int) { arrivals = Countdown(workers) }

    func report(_ part: Census) {
        census.withLock { $0.add(part) }
        arrivals.arrive()
    }

    func result() async -> Census {
        await arrivals.wait()
        return census.withLock { $0 }
    }
}
