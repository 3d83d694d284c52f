import Foundation
import Testing

/// Every input that fuzzing the loader has kept: those that once showed a problem, and those that reach different code.
@Suite struct ConfigurationFindings {
    private static func inputs(_ kind: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Fuzz/\(kind)/configuration")
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
            (name, [UInt8](try Data(contentsOf: folder.appending(path: name))))
        }
    }

    @Test func whatWasFoundDoesNotComeBack() throws {
        for input in try Self.inputs("crashes") {
            #expect(ConfigurationCheck.problem(with: input.bytes) == nil, "Fuzz/crashes/configuration/\(input.name)")
        }
    }

    @Test func theCorpusShowsNoProblem() throws {
        let inputs = try Self.inputs("corpus")
        #expect(inputs.count >= 8)
        for input in inputs {
            #expect(ConfigurationCheck.problem(with: input.bytes) == nil, "Fuzz/corpus/configuration/\(input.name)")
        }
    }

    /// The seeds come from the golden files: all of these hold as well.
    @Test(arguments: try GoldenTests.files(ending: ".yaml"))
    func theGoldenFilesShowNoProblem(file: String) throws {
        let bytes = [UInt8](try Data(contentsOf: GoldenTests.folder.appending(path: file)))
        #expect(ConfigurationCheck.problem(with: bytes) == nil)
    }
}
