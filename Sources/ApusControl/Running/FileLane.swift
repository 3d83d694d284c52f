import Dispatch
import Synchronization

/// Where files are read and names are looked up: on threads of its own, a few at once, waited for as long as the caller
/// likes.
///
/// A file system that does not answer holds up a thread and a place, and nobody who waits: whoever is cancelled, or has
/// waited long enough, is let go, and the work is told that nobody waits for it (`isGivenUp`).
final class FileLane: Sendable {
    enum Failure: Error, Equatable {
        /// Too many wait already.
        case busy
        /// It took longer than that.
        case tooLong(Duration)
        /// The caller was cancelled.
        case cancelled
    }

    /// Says whether nobody waits any more.
    typealias Question = @Sendable () -> Bool

    private struct State {
        var running = 0
        var waiting: [any LaneJob] = []
    }

    private let width: Int
    private let longestLine: Int
    private let patience: Duration
    private let finishes: Bool
    private let state = Mutex(State())
    /// How many of those who waited have left.
    let abandoned = Atomic(0)
    private let queue: DispatchQueue

    /// - Parameters:
    ///   - width: how many run at once.
    ///   - longestLine: how many more may wait.
    ///   - patience: how long each may take, waiting included.
    ///   - finishes: whether work is begun and done although nobody waits for it any more: for what is written.
    init(_ name: String, width: Int, longestLine: Int, patience: Duration, finishes: Bool = false) {
        self.width = width
        self.longestLine = longestLine
        self.patience = patience
        self.finishes = finishes
        queue = DispatchQueue(label: "apus.\(name)", attributes: .concurrent)
    }

    /// Runs `body` and returns what it returns.
    func run<Value: Sendable>(
        _ body: @escaping @Sendable (_ isGivenUp: @escaping Question) -> Value
    ) async throws(Failure) -> Value {
        let job = Job(finishes: finishes, body)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                job.begin(continuation)
                enter(job)
            }
        } onCancel: {
            job.end(.failure(.cancelled))
            abandoned.add(1, ordering: .relaxed)
        }
        return try result.get()
    }

    private func enter(_ job: any LaneJob) {
        enum Place { case runs, waits, none }
        let place: Place = state.withLock { state in
            if state.running < width {
                state.running += 1
                return .runs
            }
            state.waiting.removeAll(where: \.isDropped)
            guard state.waiting.count < longestLine else { return .none }
            state.waiting.append(job)
            return .waits
        }
        switch place {
        case .runs: start(job)
        case .waits: break
        case .none: return job.fail(.busy)
        }
        let (seconds, fraction) = patience.components
        let time = DispatchTime.now() + .seconds(Int(seconds)) + .milliseconds(Int(fraction / 1_000_000_000_000_000))
        // Not held by its timer, which lasts longer than most of them.
        queue.asyncAfter(deadline: time) { [weak job, patience] in job?.fail(.tooLong(patience)) }
    }

    private func start(_ job: any LaneJob) {
        queue.async { [self] in
            var next: (any LaneJob)? = job
            while let job = next {
                job.work()
                next = state.withLock { state in
                    state.waiting.removeAll(where: \.isDropped)
                    if state.waiting.isEmpty {
                        state.running -= 1
                        return nil
                    }
                    return state.waiting.removeFirst()
                }
            }
        }
    }
}

private protocol LaneJob: AnyObject, Sendable {
    /// Whether it need not be begun any more.
    var isDropped: Bool { get }
    func work()
    func fail(_ failure: FileLane.Failure)
}

/// One piece of work, and who waits for it.
private final class Job<Value: Sendable>: LaneJob {
    typealias Outcome = Result<Value, FileLane.Failure>
    typealias Body = @Sendable (@escaping FileLane.Question) -> Value

    private struct State {
        /// Until it is begun, or need not be: with it goes what it was given, such as the texts of a configuration.
        var body: Body?
        var continuation: CheckedContinuation<Outcome, Never>?
        var isOver = false
        /// Kept for one who begins to wait after the end.
        var early: Outcome?
    }

    private let state: Mutex<State>
    private let finishes: Bool

    init(finishes: Bool, _ body: @escaping Body) {
        self.finishes = finishes
        state = Mutex(State(body: body))
    }

    private var isOver: Bool { state.withLock { $0.isOver } }

    var isDropped: Bool { isOver && !finishes }

    func begin(_ continuation: CheckedContinuation<Outcome, Never>) {
        let early = state.withLock { state in
            if !state.isOver { state.continuation = continuation }
            defer { state.early = nil }
            return state.early
        }
        if let outcome = early { continuation.resume(returning: outcome) }
    }

    func work() {
        let body = state.withLock { state in
            defer { state.body = nil }
            return state.body
        }
        if let body { end(.success(body { self.isOver })) }
    }

    func fail(_ failure: FileLane.Failure) { end(.failure(failure)) }

    /// The first end counts.
    func end(_ outcome: Outcome) {
        // The body is let go of outside the lock: what goes with it may be anything.
        let (continuation, _) = state.withLock { state -> (CheckedContinuation<Outcome, Never>?, Body?) in
            guard !state.isOver else { return (nil, nil) }
            state.isOver = true
            if state.continuation == nil { state.early = outcome }
            let dropped = finishes ? nil : state.body
            if !finishes { state.body = nil }
            defer { state.continuation = nil }
            return (state.continuation, dropped)
        }
        continuation?.resume(returning: outcome)
    }
}
