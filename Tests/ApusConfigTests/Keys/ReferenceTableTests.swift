import ApusModel
import Foundation
import Testing

@testable import ApusConfig

/// The table of all keys in docs/configuration.md, row by row: what may stand for a key, and its default. So is the
/// fuzzer's dictionary.
///
/// With APUS_RECORD=1 they are written instead of compared; links of rows that are there stay.
@Suite struct ReferenceTableTests {
    private static let isRecording = ProcessInfo.processInfo.environment["APUS_RECORD"] == "1"
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    private static let page = root.appending(path: "docs/configuration.md")
    private static let dictionary = root.appending(path: "Fuzz/configuration.dict")

    private static let head = "| key | value | default |\n|---|---|---|\n"

    @Test func everyRowSaysWhatItsKeyDoes() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let start = try #require(text.range(of: Self.head)).upperBound
        let end = try #require(text.range(of: "\n\n", range: start..<text.endIndex)).lowerBound
        let rows = text[start..<end].split(separator: "\n").map { Self.cells($0) }
        let old = Dictionary(rows.map { (Self.plain($0[0]), $0) }, uniquingKeysWith: { first, _ in first })
        let new = PlacedKey.all.map { Self.row(of: $0, like: old["\($0.path)"]) }
        if Self.isRecording {
            let table = new.map { "| \($0.joined(separator: " | ")) |".replacing("|  |", with: "| |") }
            try text.replacingCharacters(in: start..<end, with: table.joined(separator: "\n"))
                .write(to: Self.page, atomically: true, encoding: .utf8)
        } else {
            #expect(rows.count == new.count)
            for (row, expected) in zip(rows, new) { #expect(row == expected) }
        }
    }

    /// Each algorithm has a row there that says whether it looks at weights, and is told of in docs/choosing-an-algorithm.md.
    @Test func everyAlgorithmIsTold() throws {
        let text = try String(contentsOf: Self.page, encoding: .utf8)
        let start = try #require(text.range(of: "| `balance` | picks | weights |\n|---|---|---|\n")).upperBound
        let end = try #require(text.range(of: "\n\n", range: start..<text.endIndex)).lowerBound
        let rows = Dictionary(
            text[start..<end].split(separator: "\n").map { row in
                let cells = Self.cells(row)
                return (cells[0], cells[2])
            }, uniquingKeysWith: { first, _ in first })
        let choosing = try String(
            contentsOf: Self.root.appending(path: "docs/choosing-an-algorithm.md"), encoding: .utf8)
        let headings = choosing.split(separator: "\n").filter { $0.hasPrefix("## ") }
            .flatMap { $0.split(separator: " ") }
        for balance in Balance.allCases {
            #expect(rows["`\(balance.rawValue)`"] == (balance.looksAtWeights ? "used" : "not used"), "\(balance)")
            #expect(headings.contains("\(balance.rawValue)"), "\(balance)")
        }
        // One is short for another.
        #expect(rows.count == Balance.allCases.count + 1)
    }

    private static func cells(_ row: Substring) -> [String] {
        row.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// A cell whose text is as it was stays as it was, with its links.
    private static func row(of placed: PlacedKey, like old: [String]?) -> [String] {
        let usual = placed.key.example == nil ? placed.key.usual ?? "" : "required"
        let isWord =
            !usual.isEmpty && !usual.contains(" ") && !["none", "required", "chance"].contains(usual)
            && usual.first?.isNumber == false || usual.contains("/")
        let cells = ["`\(placed.path)`", placed.key.words, isWord ? "`\(usual)`" : usual]
        return cells.enumerated().map { index, cell in
            guard let old, plain(old[index]) == plain(cell) else { return cell }
            return old[index]
        }
    }

    /// Without links and the marks of code.
    private static func plain(_ cell: String) -> String {
        cell.replacing(/\[(`[^`]*`|[^\]]*)\]\(#[^)]*\)/) { String($0.output.1) }.replacing("`", with: "")
    }

    // MARK: - The fuzzer's dictionary

    private static let mark = "# By hand: "

    @Test func theFuzzerKnowsEveryKeyAndWord() throws {
        let text = try String(contentsOf: Self.dictionary, encoding: .utf8)
        let byHand = try #require(text.range(of: Self.mark)).lowerBound
        var words: Set<String> = []
        for placed in PlacedKey.all {
            words.insert("\(placed.key.name): ")
            words.formUnion(placed.key.shape.ownWords)
        }
        let made =
            "# The keys and words of the configuration, from their declarations (ReferenceTableTests).\n"
            + words.sorted().map { "\"\($0)\"\n" }.joined()
        if Self.isRecording {
            try (made + text[byHand...]).write(to: Self.dictionary, atomically: true, encoding: .utf8)
        } else {
            #expect(String(text[..<byHand]) == made)
        }
    }
}

extension Shape {
    /// The words that may stand for it.
    fileprivate var ownWords: [String] {
        switch self {
        case .words(let words): words
        case .either(let shapes): shapes.flatMap(\.ownWords)
        case .list(let item), .names(let item): item.ownWords
        default: []
        }
    }
}
