import ApusModel
import Testing

@testable import ApusConfig
@testable import ApusControl

/// A key that is declared as one that a running process cannot change stays as it is at a reload, and the reload says so.
@Suite struct FixedKeysTests {
    /// Two files that differ in one key, by its path.
    private static let files: [String: (before: String, after: String)] = [
        "workers": ("workers: 1", "workers: 2"),
        "state.directory": ("state: { directory: /tmp/one }", "state: { directory: /tmp/two }"),
        "admin.bind": ("admin: { bind: 127.0.0.1:9901 }", "admin: { bind: 127.0.0.1:9902 }"),
        "process.user": ("process: { user: one }", "process: { user: two }"),
        "process.group": ("process: { user: one, group: three }", "process: { user: one, group: four }"),
    ]

    /// Keys that need more than a reload, by their paths.
    private static let declared: [String: KeyChange] = {
        var declared: [String: KeyChange] = [:]
        func visit(_ keys: [KeyDescription], _ path: String) {
            for key in keys {
                let place = path + key.name
                if key.change != .reload { declared[place] = key.change }
                visit(key.shape.keys, place + ".")
            }
        }
        visit(RootSection.keys.map(\.described), "")
        return declared
    }()

    /// Whoever declares another one writes its files here, and has it kept.
    @Test func eachOneHasItsFiles() {
        #expect(Set(Self.declared.keys) == Set(Self.files.keys))
    }

    @Test(arguments: files.keys.sorted())
    func itStaysAsItIsAndTheReloadSaysSo(path: String) throws {
        let files = try #require(Self.files[path])
        let loader = ConfigurationFixture.Files([:]).loader
        func load(_ line: String) throws -> Snapshot {
            try loader.load(text: "\(ConfigurationFixture.text)\n\(line)\n", file: "apus.yaml").snapshot
        }
        let (running, wanted) = (try load(files.before), try load(files.after))
        #expect(running != wanted)
        let (kept, notes) = wanted.keepingWhatIsFixed(of: running)
        #expect(kept == running)
        let note = try #require(notes.first)
        let section = try #require(path.split(separator: ".").first)
        #expect(notes.count == 1 && note.hasPrefix("`\(section)"), "\(notes)")
        #expect(note.contains("apus upgrade") == (Self.declared[path] == .upgrade), "\(note)")
    }
}
