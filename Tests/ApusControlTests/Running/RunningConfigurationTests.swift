import ApusConfig
import ApusModel
import Foundation
import Logging
import Testing

@testable import ApusControl

@Suite struct RunningConfigurationTests {
    static let other = ConfigurationFixture.text.replacing("127.0.0.1:3", with: "127.0.0.1:4")

    @Test func aReloadRunsWhatTheFileSays() async throws {
        let fixture = try ConfigurationFixture()
        fixture.files["apus.yaml"] = Self.other
        let adoption = try await fixture.running.reload(.signal)
        #expect(adoption.effect == .adopted && adoption.revision.number == 2 && adoption.revision.cause == .signal)
        #expect(adoption.changes.contains { $0.contains("127.0.0.1:4") })
        #expect(await fixture.adopter.adopted.last?.endpoints.map(\.name).last == "127.0.0.1:4")
        #expect(await fixture.running.revision == adoption.revision)
        #expect(await fixture.running.revisions.map(\.number) == [1, 2])
    }

    @Test func whatChangesNothingBothersNobody() async throws {
        let fixture = try ConfigurationFixture()
        let same = try await fixture.running.reload(.signal)
        #expect(same.effect == .unchanged && same.revision.number == 1)
        // Another text that means the same is another revision, and no work for anybody.
        fixture.files["apus.yaml"] = ConfigurationFixture.text + "\n# a word\n"
        let reworded = try await fixture.running.reload(.signal)
        #expect(reworded.effect == .adopted && reworded.revision.number == 2)
        #expect(reworded.summary == "nothing changes")
        #expect(await fixture.adopter.adopted.isEmpty)
    }

    @Test func whatIsWrongChangesNothing() async throws {
        let fixture = try ConfigurationFixture()
        let before = fixture.live.view.snapshot
        fixture.files["apus.yaml"] = Self.other.replacing("pool: web", with: "pool: wep")
        let error = await #expect(throws: ConfigurationRefusal.self) { try await fixture.running.reload(.signal) }
        guard case .invalid(let diagnostics)? = error else { throw try #require(error) }
        #expect(diagnostics.contains { $0.message.contains("did you mean `web`?") })
        #expect(fixture.live.view.snapshot === before)
        #expect(await fixture.running.revision.number == 1)
        fixture.files["apus.yaml"] = nil
        await #expect(throws: ConfigurationRefusal.self) { try await fixture.running.reload(.signal) }
        #expect(await fixture.adopter.adopted.isEmpty)
    }

    @Test func whatWorkersCannotTakeChangesNothing() async throws {
        let fixture = try ConfigurationFixture()
        await fixture.adopter.fail("cannot listen on 127.0.0.1:80")
        fixture.files["apus.yaml"] = Self.other
        await #expect(throws: ConfigurationRefusal.self) { try await fixture.running.reload(.signal) }
        #expect(await fixture.running.revisions.map(\.number) == [1])
        await fixture.adopter.fail(nil)
        #expect(try await fixture.running.reload(.signal).revision.number == 2)
    }

    @Test func aDryRunOnlySays() async throws {
        let fixture = try ConfigurationFixture()
        let adoption = try await fixture.running.apply(text: Self.other, dryRun: true)
        #expect(adoption.effect == .dryRun && adoption.revision.number == 2 && !adoption.changes.isEmpty)
        #expect(await fixture.adopter.adopted.isEmpty)
        #expect(await fixture.running.revision.number == 1)
    }

    @Test func ifAnotherRevisionRunsNothingIsReplaced() async throws {
        let fixture = try ConfigurationFixture()
        let seen = await fixture.running.revision.digest
        try await fixture.running.apply(text: Self.other, expecting: [seen])
        await #expect(throws: ConfigurationRefusal.self) {
            try await fixture.running.apply(text: ConfigurationFixture.text, expecting: [seen])
        }
        #expect(await fixture.running.revision.number == 2)
    }

    @Test func rollbackLeadsBackAndForth() async throws {
        let fixture = try ConfigurationFixture()
        await #expect(throws: ConfigurationRefusal.self) { try await fixture.running.rollback() }
        try await fixture.running.apply(text: Self.other)
        try await fixture.running.apply(text: Self.other + "\ntimeouts: { drain: 1s }")
        let back = try await fixture.running.rollback()
        #expect(back.revision.number == 4 && back.revision.cause == .rollback)
        #expect(await fixture.running.loaded.files.first?.text == Self.other)
        try await fixture.running.rollback(to: 1)
        #expect(await fixture.running.loaded.files.first?.text == ConfigurationFixture.text)
        let again = try await fixture.running.rollback()
        #expect(again.revision.number == 6)
        #expect(await fixture.running.loaded.files.first?.text == Self.other)
        await #expect(throws: ConfigurationRefusal.self) { try await fixture.running.rollback(to: 77) }
    }

    @Test func oneAtATimeAndInOrder() async throws {
        let fixture = try ConfigurationFixture()
        await fixture.adopter.wait(.milliseconds(20))
        let texts = (1...5).map { ConfigurationFixture.text + "\ntimeouts: { drain: \($0)s }" }
        var tasks: [Task<Int, any Error>] = []
        for text in texts {
            tasks.append(Task { try await fixture.running.apply(text: text).revision.number })
            // Each has asked before the next does.
            while await fixture.running.lastAsked < tasks.count { await Task.yield() }
        }
        // On a busy machine one may be read so slowly that a later one overtakes it, and is refused then.
        var numbers: [Int] = []
        for task in tasks {
            switch await task.result {
            case .success(let number): numbers.append(number)
            case .failure(let refusal): #expect("\(refusal)".contains("asked for later"))
            }
        }
        let drains = await fixture.adopter.adopted.map(\.timeouts.drain)
        #expect(drains == drains.sorted() && drains.last == .seconds(5))
        #expect(numbers == Array(2..<2 + drains.count))
    }

    @Test func whatIsFixedStaysAndIsSaid() async throws {
        let fixture = try ConfigurationFixture(ConfigurationFixture.text + "\nworkers: 2")
        let text =
            ConfigurationFixture.text + """

                workers: 3
                admin: { bind: 127.0.0.1:9900 }
                timeouts: { drain: 3s }
                """
        let adoption = try await fixture.running.apply(text: text)
        #expect(adoption.notes.count == 2)
        #expect(adoption.notes[0].contains("`workers` stays 2") && adoption.notes[0].contains("apus upgrade"))
        let snapshot = try #require(await fixture.adopter.adopted.last)
        #expect(snapshot.workers == 2 && snapshot.operations.admin.isEmpty && snapshot.timeouts.drain == .seconds(3))
    }

    @Test func aProgramWithoutAFileHasNoneToReload() async throws {
        let fixture = try ConfigurationFixture(path: nil)
        await #expect(throws: ConfigurationRefusal.self) { try await fixture.running.reload(.signal) }
        #expect(try await fixture.running.apply(text: Self.other).effect == .adopted)
    }

    /// What is made anew by copying must have everything that there is.
    @Test func replacingKeepsTheRest() throws {
        let text =
            ConfigurationFixture.text + """

                workers: 3
                node: one
                zone: a
                timeouts: { drain: 3s }
                limits: { head: 4KiB }
                trusted_proxies: [10.0.0.0/8]
                access_log: off
                state: /tmp/state
                """
        let snapshot = try ConfigurationFixture.Files(["apus.yaml": text]).loader.load(path: "apus.yaml").snapshot
        let copy = snapshot.replacing()
        #expect(copy == snapshot)
        let fields = { (snapshot: Snapshot) in
            Mirror(reflecting: snapshot).children.compactMap { child in
                child.label == "routeTable" ? nil : "\(child.label ?? ""): \(child.value)"
            }
        }
        #expect(fields(copy) == fields(snapshot))
        #expect(snapshot.replacing(workers: 4) != snapshot)
        #expect(snapshot.replacing(operations: Operations()) != snapshot)
    }

    // MARK: - Watching

    @Test func filesMustHaveChangedAndBeLetBe() {
        let read = WatchedFiles.State(files: [:], listings: ["d": ["a"]])
        let changed = WatchedFiles.State(files: [:], listings: ["d": ["a", "b"]])
        let again = WatchedFiles.State(files: [:], listings: ["d": ["a", "b", "c"]])
        var detector = ChangeDetector()
        let seen = [read, changed, again, again, read, changed, read, changed, changed].map {
            detector.isSettled(read: read, now: $0)
        }
        #expect(seen == [false, false, false, true, false, false, false, false, true])
    }

    @Test(.timeLimit(.minutes(2))) func aChangedFileIsReadAgain() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "apus-watch-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let path = directory.appending(path: "apus.yaml").path
        let write = { (text: String) in try text.write(toFile: path, atomically: true, encoding: .utf8) }
        let text = ConfigurationFixture.text + "\nwatch: 100ms\n"
        try write(text)
        let loader = ConfigurationLoader(resolve: { _ in [] })
        let first = try loader.load(path: path)
        let live = Live(.of(first.snapshot))
        let running = RunningConfiguration(
            path: path, loader: loader, first: first, adopter: FakeAdopter(live: live), live: live,
            logger: Logger(label: "test"))
        let watch = Task { await running.watch() }
        defer { watch.cancel() }
        try await Task.sleep(for: .milliseconds(300))
        try write(text.replacing("pool: web", with: "pool: nobody"))
        // A refused one changes nothing, and is followed by what is right.
        try await Task.sleep(for: .milliseconds(500))
        #expect(await running.revision.number == 1)
        try write(text.replacing("127.0.0.1:3", with: "127.0.0.1:4"))
        while await running.revision.number == 1 { try await Task.sleep(for: .milliseconds(20)) }
        #expect(await running.revision.cause == .watch)
        #expect(live.view.snapshot.endpoints.contains { $0.name == "127.0.0.1:4" })
    }
}
