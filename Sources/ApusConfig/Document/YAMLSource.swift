import Yams

/// A text that the YAML library is about to read.
struct YAMLSource {
    let index: Int32
    private let text: String

    init(index: Int32, text: String) {
        // Some editors of other systems begin a file with a byte order mark; the library takes it for text.
        var text = text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
        // The library keeps a pointer into the text while it works.
        text.makeContiguousUTF8()
        self.index = index
        self.text = text
    }

    var start: SourcePosition { SourcePosition(line: 1, column: 1, source: index) }

    /// Nil when there is no document.
    func root() throws -> Yams.Node? {
        // Finding out what each plain key could be taken for, by expressions, costs more than all the rest. All that it
        // is good for here is to tell keys such as `1` and `"1"` apart.
        do {
            return try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch YamlError.duplicatedKeysInMapping {
            return try Parser(yaml: text, encoding: .utf8).singleRoot()
        }
    }

    /// Aliases beyond which keys are looked at before the library reads them.
    private static let fewAliases = 12

    /// Anchors below which values cannot stand too deep within each other, since the library bounds what stands between
    /// two of them: to a thousand levels.
    private static let fewAnchors = 10
    /// Levels of values within values, aliases followed, that a thread's stack has room for when they are let go.
    private static let deepestChain = 10_000

    /// At least half as many as there are values: something stands between any two of them.
    private var separatorCount: Int {
        var count = 0
        var previous: UInt8 = 0
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                // Empty lines and comments are many in some files.
                if previous != byte { count += 1 }
            case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "{"): count += 1
            case UInt8(ascii: " "):
                if previous == UInt8(ascii: ":") || previous == UInt8(ascii: "-") || previous == UInt8(ascii: "?") {
                    count += 1
                }
            default: break
            }
            previous = byte
        }
        return count
    }

    /// Lists and mappings in brackets and braces; those that are text count too.
    private var flowCount: Int { text.utf8.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") } }

    /// How deep lists and mappings that are written by lines can stand within each other: each begins further right.
    private var deepestBlock: Int {
        text.utf8.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d })
            .map { line in line.prefix { " \t-?:".utf8.contains($0) }.count + 2 }.max() ?? 2
    }

    /// Whether the library can read this in bounded time and memory: false, with an error, if not.
    ///
    /// It compares the keys of each mapping. A key that is a list of aliases of lists of aliases would keep it busy for
    /// years. No key is a list or an alias here, so that these are refused where there are aliases enough for that.
    func check(_ findings: inout Findings) -> Bool {
        guard separatorCount <= 2 * Node.valueLimit else {
            findings.error(
                "the file holds more than \(Node.valueLimit) values; a configuration needs far fewer", at: start)
            return false
        }
        let anchors = count(of: UInt8(ascii: "&"))
        guard anchors < Self.fewAnchors || flowCount + anchors * deepestBlock <= Self.deepestChain else {
            findings.error(
                "the file has \(anchors) anchors (`&name`), which could stand within each other too deep; use fewer than "
                    + "\(Self.fewAnchors)", at: start)
            return false
        }
        guard aliasCount > Self.fewAliases else { return true }
        for (number, line) in findings.sources[Int(index)].lines.enumerated() where Self.hasKeyThatIsNoWord(line) {
            findings.error(
                "a key must be a word, found a list, a mapping or an alias",
                at: SourcePosition(
                    line: number + 1, column: line.prefix { $0 == " " }.unicodeScalars.count + 1, source: index))
            return false
        }
        return true
    }

    /// Stars of paths stand behind a slash.
    private var aliasCount: Int { count(of: UInt8(ascii: "*")) }

    /// How often a mark begins a value.
    private func count(of mark: UInt8) -> Int {
        guard text.utf8.contains(mark) else { return 0 }
        var count = 0
        var previous = UInt8(ascii: "\n")
        for byte in text.utf8 {
            if byte == mark, " \t\n\r[{,?:-".utf8.contains(previous) { count += 1 }
            previous = byte
        }
        return count
    }

    private static func hasKeyThatIsNoWord(_ line: Substring) -> Bool {
        var previous: UInt8 = 0
        var quote: UInt8?
        var afterAlias = false
        let bytes = Array(line.utf8)
        // A quote that is not closed may belong to the line above: nothing is taken for quoted then.
        let isBalanced = ["\"", "'"].allSatisfy { mark in line.utf8.count { $0 == UInt8(ascii: mark) } % 2 == 0 }
        for (index, byte) in bytes.enumerated() {
            if let open = quote {
                if byte == open { quote = nil }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): if isBalanced { quote = byte }
            case UInt8(ascii: "#"): if previous == 0 || index > 0 && isBlank(bytes[index - 1]) { return false }
            case UInt8(ascii: "?"):
                if "[{,-".utf8.contains(previous) || previous == 0,
                    index + 1 == bytes.count || isBlank(bytes[index + 1])
                {
                    return true
                }
            case UInt8(ascii: ":"):
                if afterAlias || previous == UInt8(ascii: "]") || previous == UInt8(ascii: "}") { return true }
            default: break
            }
            if isBlank(byte) { continue }
            if byte == UInt8(ascii: "*"), previous == 0 || "[{,-".utf8.contains(previous) {
                afterAlias = true
            } else if "[]{},:".utf8.contains(byte) {
                afterAlias = false
            }
            previous = byte
        }
        return false
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
