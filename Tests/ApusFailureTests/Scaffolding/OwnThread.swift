import ApusTestKit

/// Runs `body`, which blocks, on a thread of its own, so that the other suites keep the threads that run tests. What it
/// expects is the calling test's.
func play(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withTaskExecutorPreference(OwnThread()) { try body() }
}
