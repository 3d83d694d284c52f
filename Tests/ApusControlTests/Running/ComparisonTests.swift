import ApusConfig
import ApusModel
import Testing

@testable import ApusControl

/// What would change if files that somebody sends took over.
@Suite struct ComparisonTests {
    static func file(_ path: String, _ text: String) -> ConfigurationFile { ConfigurationFile(path: path, text: text) }

    @Test func whatRunsIsNoDifference() async throws {
        let fixture = try ConfigurationFixture()
        let same = try await fixture.running.compare(with: [Self.file("/home/me/new.yaml", ConfigurationFixture.text)])
        #expect(same.changes.isEmpty && same.notes.isEmpty && same.revision.number == 1)
    }

    /// The words of `apus diff`, with what a reload cannot change; and nothing of it happens.
    @Test func differencesAreTold() async throws {
        let fixture = try ConfigurationFixture()
        let text = RunningConfigurationTests.other + "\nworkers: 7\n"
        let comparison = try await fixture.running.compare(with: [Self.file("new.yaml", text)])
        let expected = ConfigurationChanges(
            from: try fixture.files.loader.load(path: "apus.yaml").snapshot,
            to: try fixture.files.loader.load(text: text, file: "new.yaml").snapshot)
        #expect(comparison.changes == expected)
        #expect(comparison.changes.needingUpgrade.map(\.name) == ["workers"])
        #expect(await fixture.adopter.adopted.isEmpty)
        #expect(await fixture.running.revision.number == 1)
    }

    /// Drains are no difference; those that the new configuration would drop are noted, and are there afterwards.
    @Test func whatWasChangedWhileRunningIsNoDifference() async throws {
        let fixture = try ConfigurationFixture()
        try await fixture.running.change(.adjust(pool: "api", endpoint: "127.0.0.1:3", weight: nil, isDrained: true))
        let same = try await fixture.running.compare(with: [Self.file("apus.yaml", ConfigurationFixture.text)])
        #expect(same.changes.isEmpty && same.notes.isEmpty)
        let other = try await fixture.running.compare(with: [Self.file("apus.yaml", RunningConfigurationTests.other)])
        #expect(other.notes.count == 1 && other.notes[0].contains("127.0.0.1:3"), "\(other.notes)")
        #expect(await fixture.running.dynamic.entries.count == 1)
    }

    /// The sender's includes are read and not those that lie here, and what is wrong is told by the sender's paths.
    @Test func includesAreThoseThatWereSent() async throws {
        let fixture = try ConfigurationFixture()
        fixture.files["pools.yaml"] = "pools:\n  other: { endpoints: [127.0.0.1:8] }\n"
        let main = Self.file("new/apus.yaml", "include: pools.yaml\n" + ConfigurationFixture.text)
        let good = Self.file("new/pools.yaml", "pools:\n  more: { endpoints: [127.0.0.1:9] }\n")
        let comparison = try await fixture.running.compare(with: [main, good])
        #expect(comparison.changes.changes.map(\.name) == ["pool more"], "\(comparison.changes.lines)")
        let bad = Self.file("new/pools.yaml", "pools:\n  more: { endpoints: [127.0.0.1] }\n")
        let error = await #expect(throws: ConfigurationRefusal.self) {
            try await fixture.running.compare(with: [main, bad])
        }
        guard case .invalid(let diagnostics)? = error else { throw try #require(error) }
        #expect(diagnostics.first?.file == "new/pools.yaml", "\(diagnostics)")
    }

    @Test(arguments: [
        ("apus.yaml", "conf.d/a.yaml", "/etc/apus/conf.d/a.yaml"),
        ("new/apus.yaml", "new/conf.d/a.yaml", "/etc/apus/conf.d/a.yaml"),
        ("new/apus.yaml", "new/../a.yaml", "/etc/apus/../a.yaml"),
        ("/home/me/apus.yaml", "/home/me/a.yaml", "/etc/apus/a.yaml"),
        ("/home/me/apus.yaml", "/usr/share/a.yaml", "/usr/share/a.yaml"),
        ("apus.yaml", "/usr/share/a.yaml", "/usr/share/a.yaml"),
    ])
    func filesAreTakenForThoseBesideTheRunningOne(main: String, sent: String, expected: String) {
        let placed = PlacedFiles([Self.file(main, ""), Self.file(sent, "")], main: "/etc/apus/main.yaml")
        #expect(placed.files.map(\.path) == ["/etc/apus/main.yaml", expected])
    }
}
