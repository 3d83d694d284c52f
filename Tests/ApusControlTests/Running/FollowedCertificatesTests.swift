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
        let end = Date.now + 30
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

    // MARK: - When

    private static func state(_ times: [String: Double]) -> WatchedFiles.State {
        var state = WatchedFiles.State()
        for (path, time) in times {
            state.files[path] = .some(.init(inode: 1, size: 1, changed: Date(timeIntervalSince1970: time)))
        }
        return state
    }

    @Test func filesAreLoadedOnceTheyHaveChangedAndAreLetBe() {
        var watch = CertificateWatch()
        let since = Date(timeIntervalSince1970: 10_000)
        func look(_ times: [String: Double], revision: Int = 1) -> Bool {
            watch.note(Self.state(times), revision: revision, since: since)
        }
        #expect(!look(["a": 1]) && !look(["a": 1]) && !look(["a": 1]))
        // Changed, and changed again: it is being written.
        #expect(!look(["a": 20_000]) && !look(["a": 20_001]))
        #expect(look(["a": 20_001]))
        // What was refused is not tried again.
        #expect(!look(["a": 20_001]) && !look(["a": 20_001]))
        // The revision that came of it has the same files.
        #expect(!look(["a": 20_001], revision: 2) && !look(["a": 20_001], revision: 2))
        #expect(!look(["a": 20_002], revision: 2) && look(["a": 20_002], revision: 2))
    }

    /// Between its being read and the first look a file may have changed.
    @Test func whatChangedWhileItWasLoadedIsLoadedOnceMore() {
        var watch = CertificateWatch()
        let since = Date(timeIntervalSince1970: 10_000)
        let looks = (0..<4).map { _ in watch.note(Self.state(["a": 9_990]), revision: 1, since: since) }
        #expect(looks == [false, true, false, false])
    }
}
