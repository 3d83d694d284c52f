import ApusTestKit
import Testing

/// Runs tests on threads of their own (`OwnThread`).
struct OnOwnThreads: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(OwnThread()) { try await function() }
    }
}

extension Trait where Self == OnOwnThreads {
    static var onOwnThreads: Self { OnOwnThreads() }
}
