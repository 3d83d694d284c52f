import ApusTestKit

/// Runs `body`, which blocks, on a thread of its own, so that the other suites keep the threads that run tests. What it
/// expects is the calling test's.
func play(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withTaskExecutorPreference(OwnThread()) { try body() }
}

/// Gives each part of a task that runs between two suspensions a thread of its own.
private final class OwnThread: TaskExecutor {
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        onThread { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
