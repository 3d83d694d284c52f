import Testing

@testable import ApusControl

/// A successor is told what runs, and that must be true when it serves.
@Suite(.timeLimit(.minutes(1))) struct HandingOverTests {
    private struct NotReady: Error {}

    /// Begins to hand over, and has a reload asked for meanwhile.
    private func reload(
        _ fixture: ConfigurationFixture, whileHandingOver end: @escaping @Sendable () throws -> Void
    ) async throws -> Result<Adoption, any Error> {
        let (begun, beginning) = AsyncStream<Void>.makeStream()
        let (asked, asking) = AsyncStream<Void>.makeStream()
        let running = fixture.running
        let handover = Task {
            try await running.handOver { revision, _ in
                #expect(revision.number == 1)
                beginning.yield()
                for await _ in asked { break }
                #expect(await running.revision.number == 1)
                try end()
            }
        }
        for await _ in begun { break }
        fixture.files["apus.yaml"] = RunningConfigurationTests.other
        let reload = Task { try await running.reload(.signal) }
        // Time enough to run it, if nothing kept it from that.
        try await Task.sleep(for: .milliseconds(50))
        #expect(await fixture.adopter.adopted.isEmpty)
        asking.yield()
        _ = await handover.result
        return await reload.result
    }

    @Test func nothingChangesMeanwhileAndNothingAfterwards() async throws {
        let fixture = try ConfigurationFixture()
        let result = try await reload(fixture) {}
        #expect {
            try result.get()
        } throws: { error in
            if case .handedOver? = error as? ConfigurationRefusal { true } else { false }
        }
        await #expect(throws: ConfigurationRefusal.self) {
            try await fixture.running.change(.remove(pool: "web", endpoint: "127.0.0.1:3"))
        }
        await #expect(throws: ConfigurationRefusal.self) { try await fixture.running.rollback(to: 1) }
        #expect(await fixture.adopter.adopted.isEmpty)
        #expect(await fixture.running.revision.number == 1)
    }

    @Test func aSuccessorThatDidNotComeUpHoldsNothingUp() async throws {
        let fixture = try ConfigurationFixture()
        let result = try await reload(fixture) { throw NotReady() }
        #expect(try result.get().revision.number == 2)
        #expect(await fixture.adopter.adopted.count == 1)
    }
}
