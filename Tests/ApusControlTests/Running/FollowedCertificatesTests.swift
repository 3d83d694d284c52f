import ApusConfig
import ApusModel
import ApusTestKit
import Foundation
import Logging
import Testing

@testable import ApusControl

/// Certificates that change while Apus runs.
@Suite struct FollowedCertificatesTests {
    /// A folder with a configuration and a pair.
    private struct Place {
        let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "apus-certificates-\(UUID())")
            try FileManager.default.createDirectory(
                at: folder.appending(path: "pairs"), withIntermediateDirectories: true)
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }

        func copy(_ name: String, to target: String) throws {
            try Data(TestCertificates.bytes(name)).write(to: folder.appending(path: target), options: .atomic)
        }

        func running(_ text: String) throws -> RunningConfiguration {
            let path = folder.appending(path: "apus.yaml").path
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let loader = ConfigurationLoader(resolve: { _ in [] })
            let first = try loader.load(path: path)
            let live = Live(.of(first.snapshot))
            return RunningConfiguration(
                path: path, loader: loader, first: first, adopter: FakeAdopter(live: live), live: live,
                logger: Logger(label: "test"))
        }
    }

    private static let text = """
        listeners: [{ bind: "127.0.0.1:1", tls: { certificates: [{ certificate: site.pem, key: site.key }, pairs] } }]
        pools: { web: { endpoints: ["127.0.0.1:3"] } }
        """

    private func kinds(_ running: RunningConfiguration) async -> [String] {
        await running.loaded.snapshot.listeners[0].tls?.certificates.map { $0.certificate.keyKind } ?? []
    }

    private func reach(_ revision: Int, _ running: RunningConfiguration) async throws {
        let end = Date.now + 60
        while await running.revision.number < revision {
            try #require(Date.now < end)
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test(.timeLimit(.minutes(2))) func aRenewedPairIsShown() async throws {
        let place = try Place()
        defer { place.remove() }
        try place.copy("site.pem", to: "site.pem")
        try place.copy("site.key", to: "site.key")
        try place.copy("other.pem", to: "pairs/other.crt")
        try place.copy("other.key", to: "pairs/other.key")
        let running = try place.running(Self.text)
        let watch = Task { await running.followCertificates() }
        defer { watch.cancel() }
        // What the file says by now is not its business.
        try "listeners: nonsense".write(
            to: place.folder.appending(path: "apus.yaml"), atomically: true, encoding: .utf8)
        // Half a pair is none: the old one stays.
        try place.copy("site-rsa.pem", to: "site.pem")
        try await Task.sleep(for: .seconds(4))
        #expect(await running.revision.number == 1)
        #expect(await kinds(running) == ["ECDSA", "ECDSA"])
        try place.copy("site-rsa.key", to: "site.key")
        try await reach(2, running)
        #expect(await running.revision.cause == .certificates)
        #expect(await kinds(running) == ["RSA", "ECDSA"])
        // And one that comes into a folder.
        try place.copy("site-ed25519.pem", to: "pairs/more.crt")
        try place.copy("site-ed25519.key", to: "pairs/more.key")
        try await reach(3, running)
        #expect(await kinds(running) == ["RSA", "Ed25519", "ECDSA"])
    }

    /// A new pair of a folder that is written slowly, or was written wrongly, is taken when its own files are right.
    @Test(.timeLimit(.minutes(2))) func aNewPairIsMendedWhereItIs() async throws {
        let place = try Place()
        defer { place.remove() }
        for name in ["site.pem", "site.key"] { try place.copy(name, to: name) }
        try place.copy("other.pem", to: "pairs/other.crt")
        try place.copy("other.key", to: "pairs/other.key")
        let running = try place.running(Self.text)
        let watch = Task { await running.followCertificates() }
        defer { watch.cancel() }
        let key = place.folder.appending(path: "pairs/more.key")
        try Data().write(to: key)
        try place.copy("site-ed25519.pem", to: "pairs/more.crt")
        try await Task.sleep(for: .seconds(4))
        #expect(await running.revision.number == 1)
        // In the file itself: the folder has the same names as before.
        try Data(TestCertificates.bytes("site-ed25519.key")).write(to: key)
        try await reach(2, running)
        #expect(await kinds(running) == ["ECDSA", "Ed25519", "ECDSA"])
    }

    /// A response of OCSP that comes, first where none was, then in a folder beside its pair.
    @Test(.timeLimit(.minutes(2))) func responsesAreFollowed() async throws {
        let place = try Place()
        defer { place.remove() }
        for name in ["site.pem", "site.key"] { try place.copy(name, to: name) }
        try place.copy("other.pem", to: "pairs/other.crt")
        try place.copy("other.key", to: "pairs/other.key")
        let running = try place.running(Self.text.replacing("key: site.key", with: "key: site.key, ocsp: site.ocsp"))
        let watch = Task { await running.followCertificates() }
        defer { watch.cancel() }
        func stapled() async -> [Bool?] {
            await running.loaded.snapshot.listeners[0].tls?.certificates.map {
                $0.certificate.stapled.map { $0.until != nil }
            } ?? []
        }
        #expect(await stapled() == [false, nil])
        try place.copy("site.ocsp", to: "site.ocsp")
        try await reach(2, running)
        #expect(await stapled() == [true, nil])
        try place.copy("other.ocsp", to: "pairs/other.ocsp")
        try await reach(3, running)
        // Its authority does not know it.
        #expect(await stapled() == [true, false])
    }

    /// As Kubernetes does: the files are links into a folder that is itself a link.
    @Test(.timeLimit(.minutes(2))) func aFolderThatIsExchangedAsAWholeIsFollowed() async throws {
        let place = try Place()
        defer { place.remove() }
        let manager = FileManager.default
        for (folder, name) in [("v1", "site"), ("v2", "site-rsa")] {
            try manager.createDirectory(at: place.folder.appending(path: folder), withIntermediateDirectories: true)
            try place.copy("\(name).pem", to: "\(folder)/tls.crt")
            try place.copy("\(name).key", to: "\(folder)/tls.key")
        }
        try manager.createSymbolicLink(atPath: place.folder.appending(path: "..data").path, withDestinationPath: "v1")
        for file in ["tls.crt", "tls.key"] {
            try manager.createSymbolicLink(
                atPath: place.folder.appending(path: file).path, withDestinationPath: "..data/\(file)")
        }
        let running = try place.running(
            """
            listeners: [{ bind: "127.0.0.1:1", tls: { certificate: tls.crt, key: tls.key } }]
            pools: { web: { endpoints: ["127.0.0.1:3"] } }
            """)
        let watch = Task { await running.followCertificates() }
        defer { watch.cancel() }
        try await Task.sleep(for: .seconds(3))
        #expect(await running.revision.number == 1)
        #expect(await kinds(running) == ["ECDSA"])
        let swap = place.folder.appending(path: "..data_tmp").path
        try manager.createSymbolicLink(atPath: swap, withDestinationPath: "v2")
        #expect(rename(swap, place.folder.appending(path: "..data").path) == 0)
        try await reach(2, running)
        #expect(await kinds(running) == ["RSA"])
    }

    /// What is put in place may be older than what was there: a renewed pair that was made elsewhere, a link that goes back.
    @Test(.timeLimit(.minutes(2))) func filesOfAnotherTimeAreNews() async throws {
        let place = try Place()
        defer { place.remove() }
        for name in ["site.pem", "site.key"] { try place.copy(name, to: name) }
        try place.copy("other.pem", to: "pairs/other.crt")
        try place.copy("other.key", to: "pairs/other.key")
        let running = try place.running(Self.text)
        // Before the first look.
        for ending in ["pem", "key"] {
            try place.copy("site-rsa.\(ending)", to: "new")
            let new = place.folder.appending(path: "new").path
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1_000)], ofItemAtPath: new)
            #expect(rename(new, place.folder.appending(path: "site.\(ending)").path) == 0)
        }
        let watch = Task { await running.followCertificates() }
        defer { watch.cancel() }
        try await reach(2, running)
        #expect(await kinds(running) == ["RSA", "ECDSA"])
    }

    /// There is no way back to certificates, and they take no way back away.
    @Test(.timeLimit(.minutes(2))) func aRollbackGoesToWhatWasWritten() async throws {
        let place = try Place()
        defer { place.remove() }
        for name in ["site.pem", "site.key"] { try place.copy(name, to: name) }
        try place.copy("other.pem", to: "pairs/other.crt")
        try place.copy("other.key", to: "pairs/other.key")
        let running = try place.running(Self.text)
        try await running.apply(text: Self.text + "\nstate: { directory: /nowhere, keep: 2 }\nworkers: 1")
        let before = await running.revision.digest
        try await running.apply(text: Self.text + "\nstate: { directory: /nowhere, keep: 2 }\nworkers: 2")
        let watch = Task { await running.followCertificates() }
        defer { watch.cancel() }
        for (number, name) in [(4, "site-rsa"), (5, "site"), (6, "site-rsa")] {
            for ending in ["pem", "key"] { try place.copy("\(name).\(ending)", to: "site.\(ending)") }
            try await reach(number, running)
        }
        #expect(await running.revisions.map(\.number) == [2, 6])
        try await running.rollback()
        #expect(await running.revision.digest == before)
    }

    // MARK: - When

    private static func state(_ times: [String: Double]) -> WatchedFiles.State {
        var state = WatchedFiles.State()
        for (path, time) in times {
            state.files[path] = .some(.init(inode: 1, size: 1, changed: Int64(time * 1_000_000_000)))
        }
        return state
    }

    @Test func filesAreLoadedOnceTheyHaveChangedAndAreLetBe() {
        let start = ContinuousClock.now
        var watch = CertificateWatch(of: WatchedFiles(state: Self.state(["a": 10])), revision: 1)
        func look(_ times: [String: Double], after seconds: Int = 0) -> Bool {
            watch.isDue(Self.state(times), at: start + .seconds(seconds))
        }
        #expect(!look(["a": 10]) && !look(["a": 10]) && !look(["a": 10]))
        // Changed, and changed again: it is being written.
        #expect(!look(["a": 9]) && !look(["a": 8]))
        #expect(look(["a": 8]))
        // What was not to be had just then is tried again at once; what was refused, after a while.
        #expect(look(["a": 8]))
        watch.noteRefusal(of: Self.state(["a": 8]), at: start)
        #expect(!look(["a": 8]) && !look(["a": 8], after: 299) && look(["a": 8], after: 300))
        #expect(!look(["a": 7]) && look(["a": 7]))
    }
}
