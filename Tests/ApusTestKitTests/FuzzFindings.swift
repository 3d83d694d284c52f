import ApusTestKit
import Foundation
import Testing

/// Every input that fuzzing has kept: those that once showed a problem, and those that reach different code.
@Suite struct FuzzFindings {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fuzz")

    private static func inputs(_ kind: String, _ check: ParserCheck) throws -> [(name: String, bytes: [UInt8])] {
        let folder = folder.appendingPathComponent(kind).appendingPathComponent(check.rawValue)
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { name in
            (name, [UInt8](try Data(contentsOf: folder.appendingPathComponent(name))))
        }
    }

    @Test(arguments: ParserCheck.allCases)
    func whatWasFoundDoesNotComeBack(check: ParserCheck) throws {
        for input in try Self.inputs("crashes", check) {
            #expect(check.problem(with: input.bytes) == nil, "Fuzz/crashes/\(check.rawValue)/\(input.name)")
        }
    }

    @Test(arguments: ParserCheck.allCases)
    func theCorpusShowsNoProblem(check: ParserCheck) throws {
        let inputs = try Self.inputs("corpus", check)
        #expect(inputs.count >= 8)
        for input in inputs {
            #expect(check.problem(with: input.bytes) == nil, "Fuzz/corpus/\(check.rawValue)/\(input.name)")
        }
    }
}
