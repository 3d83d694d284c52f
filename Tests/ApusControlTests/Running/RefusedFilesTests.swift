import ApusConfig
import ApusModel
import ApusTestKit
import Foundation
import Logging
import Testing

@testable import ApusControl

/// Files that were refused while Apus runs, and pairs that are not taken.
@Suite struct RefusedFilesTests {
    private struct Place {
        let folder: URL
        let log = ChangeLogTests.Lines()
        let running: RunningConfiguration

        static let text = """
            listeners: [{ bind: "127.0.0.1:1", tls: { certificate: site.pem, key: site.key } }]
            pools: { web: { endpoints: ["127.0.0.1:3"] } }
            """

        init(_ text: String = Self.text) throws {
            let folder = FileManager.default.temporaryDirectory.appending(path: "apus-refused-\(UUID())")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            self.folder = folder
            for ending in ["pem", "key"] {
                try Data(TestCertificates.bytes("site.\(ending)")).write(to: folder.appending(path: "site.\(ending)"))
            }
            let path = folder.appending(path: "apus.yaml").path
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let loader = ConfigurationLoader(resolve: { _ in [] })
            let first = try loader.load(path: path)
            let live = Live(.of(first.snapshot))
            let log = log
            running = RunningConfiguration(
                path: path, loader: loader, first: first, adopter: FakeAdopter(live: live), live: live,
                logger: Logger(label: "test") { _ in log })
        }

        func put(_ name: String, _ endings: [String] = ["key", "pem"]) throws {
            for ending in endings {
                try Data(TestCertificates.bytes("\(name).\(ending)"))
                    .write(to: folder.appending(path: "site.\(ending)"), options: .atomic)
            }
        }

        func write(_ text: String) throws {
            try text.write(to: folder.appending(path: "apus.yaml"), atomically: true, encoding: .utf8)
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }

        func wait(_ what: String, _ condition: () async -> Bool) async throws {
            let end = Date.now + 60
            while await !condition() {
                try #require(Date.now < end, "\(what); the log: \(log.all)")
                try await Task.sleep(for: .milliseconds(50))
            }
        }

        func count(_ words: String) -> Int { log.all.count { $0.contains(words) } }
    }

    private static let good = "notice the files are good again: what runs is what they say"

    /// A pair is broken, and comes back as it was.
    @Test(.timeLimit(.minutes(2))) func aBrokenPairIsToldUntilItIsGood() async throws {
        let place = try Place()
        defer { place.remove() }
        let watch = Task { await place.running.followCertificates() }
        defer { watch.cancel() }
        try await Task.sleep(for: .milliseconds(1_500))
        try place.put("other", ["key"])
        try await place.wait("the refusal") { await place.running.refusedFiles != nil }
        let refused = try #require(await place.running.refusedFiles)
        #expect(refused.cause == .certificates && refused.stopsRestart)
        #expect(refused.reason.contains("apus.yaml:1:") && refused.reason.contains("is not that of the certificate"))
        #expect(await !place.running.reloads.lastSucceeded)
        try place.put("site", ["key"])
        try await place.wait("the end of it") { await place.running.refusedFiles == nil }
        #expect(place.count(Self.good) == 1 && place.log.all.count { $0.contains("runs (") } == 0)
        #expect(await place.running.reloads.lastSucceeded)
    }

    /// A reload is refused, and nobody reloads again.
    @Test(.timeLimit(.minutes(2))) func aRefusedFileIsTriedWhenItChanges() async throws {
        let place = try Place()
        defer { place.remove() }
        let watch = Task { await place.running.followCertificates() }
        defer { watch.cancel() }
        try place.write("listeners: nonsense\npools: nonsense")
        await #expect(throws: ConfigurationRefusal.self) { try await place.running.reload(.signal) }
        let refused = try #require(await place.running.refusedFiles)
        #expect(refused.cause == .signal && refused.reason.hasSuffix(" (and 1 more)"), "\(refused.reason)")
        try await Task.sleep(for: .seconds(3))
        #expect(await place.running.refusedFiles == refused)
        try place.write(Place.text)
        try await place.wait("the end of it") { await place.running.refusedFiles == nil }
        #expect(place.count(Self.good) == 1)
        #expect(await place.running.reloads.lastSucceeded)
        // Good, and not what runs.
        try place.write("listeners: nonsense")
        await #expect(throws: ConfigurationRefusal.self) { try await place.running.reload(.signal) }
        try place.write(Place.text + "\ntimeouts: { drain: 7s }")
        try await place.wait("the end of that") { await place.running.refusedFiles == nil }
        #expect(place.count("the files are good again, and say something else than what runs") == 1)
        #expect(await place.running.revision.number == 1)
    }

    /// What somebody sent is none of the files.
    @Test func aRefusedReloadEndsWithAGoodOne() async throws {
        let place = try Place()
        defer { place.remove() }
        await #expect(throws: ConfigurationRefusal.self) { try await place.running.apply(text: "listeners: nonsense") }
        #expect(await place.running.refusedFiles == nil)
        try place.write("listeners: nonsense")
        await #expect(throws: ConfigurationRefusal.self) { try await place.running.reload(.admin, dryRun: true) }
        #expect(await place.running.refusedFiles == nil)
        await #expect(throws: ConfigurationRefusal.self) { try await place.running.reload(.admin) }
        #expect(await place.running.refusedFiles != nil)
        try place.write(Place.text)
        try await place.running.reload(.admin)
        #expect(await place.running.refusedFiles == nil && place.count(Self.good) == 1)
    }

    // MARK: - Pairs that have ended

    private func end(_ running: RunningConfiguration) async -> Int64 {
        await running.loaded.snapshot.listeners[0].tls?.certificates.first?.certificate.notAfter ?? 0
    }

    @Test(.timeLimit(.minutes(2))) func aPairThatHasEndedReplacesNoneThatHolds() async throws {
        let place = try Place()
        defer { place.remove() }
        let good = await end(place.running)
        let watch = Task { await place.running.followCertificates() }
        defer { watch.cancel() }
        try await Task.sleep(for: .milliseconds(1_500))
        try place.put("expired")
        try await place.wait("the warning") { place.count("to a certificate that ended 2025-01-01T00:00:00Z") == 1 }
        let words = try #require(place.log.all.first { $0.contains("to a certificate that ended") })
        #expect(words.hasPrefix("warning ") && words.contains("site.pem and "), "\(words)")
        #expect(words.contains("site.key have changed"), "\(words)")
        #expect(words.contains("which holds until 2125-01-01T00:00:00Z, is shown on"))
        #expect(await place.running.revision.number == 1)
        #expect(await end(place.running) == good)
        try await Task.sleep(for: .seconds(3))
        #expect(place.count("to a certificate that ended") == 1)
        #expect(await place.running.keptPairs.count == 1)
        #expect(await place.running.refusedFiles == nil)
        // Somebody asks for it.
        let adoption = try await place.running.reload(.admin)
        #expect(adoption.effect == .adopted)
        #expect(adoption.warnings.contains { $0.message.contains("expired on 2025-01-01") })
        #expect(await end(place.running) < good)
        #expect(await place.running.keptPairs.isEmpty)
        // And a good one comes by itself, with its files and its end in the log.
        try place.put("site-rsa")
        try await place.wait("the good one") { await end(place.running) == good }
        let path = place.folder.path
        let news = "\(path)/site.pem with \(path)/site.key, until 2125-01-01T00:00:00Z"
        let line = try #require(place.log.all.last { $0.contains("runs (certificates): ") })
        #expect(line.hasSuffix(" changed: \(news)"), "\(line)")
    }

    /// Before the first look, too.
    @Test(.timeLimit(.minutes(2))) func aPairThatCameBeforeTheFirstLookIsToldOf() async throws {
        let place = try Place()
        defer { place.remove() }
        let good = await end(place.running)
        try place.put("expired")
        let watch = Task { await place.running.followCertificates() }
        defer { watch.cancel() }
        try await place.wait("the warning") { place.count("to a certificate that ended 2025-01-01T00:00:00Z") == 1 }
        #expect(await end(place.running) == good)
    }

    /// By `watch` as well, with whatever else the file says.
    @Test func aReloadOfWatchedFilesKeepsIt() async throws {
        let place = try Place()
        defer { place.remove() }
        let good = await end(place.running)
        try place.put("expired")
        try place.write(Place.text + "\ntimeouts: { drain: 7s }")
        let adoption = try await place.running.reload(.watch)
        #expect(adoption.effect == .adopted && adoption.warnings.isEmpty)
        #expect(await end(place.running) == good && place.count("to a certificate that ended") == 1)
    }
}
