/// A key of a section and what was written for it, about to be read as a value of one kind.
///
/// Each reader gives nil and adds an error when the value is of another kind or out of bounds.
struct Field {
    let key: Located<String>
    let node: Node
    /// A word that may stand instead, for which readers do not look.
    var alternative: String?

    /// Where an error about the value points: at the key when no value was written.
    var position: SourcePosition { node.isNull ? key.position : node.position }

    /// One value of the list that was written for this key; an error about an empty one points at it, not at the key.
    func item(_ node: Node) -> Field {
        Field(key: Located(value: key.value, position: node.position), node: node)
    }

    /// The one form of "wrong value" errors.
    func reject(expected: String, hint: String? = nil, _ findings: inout Findings) {
        if node.isUnknown { return }
        let quotes: Set<Character> = ["“", "”", "„", "‘", "’", "«", "»"]
        let isQuotedOddly = node.plainText?.first.map(quotes.contains) == true
        let advice = (isQuotedOddly ? "write straight quotes: `\"`" : hint).map { "; \($0)" } ?? ""
        let expected = expected + (alternative.map { ", or `\($0)`" } ?? "")
        findings.error("`\(key.value)`: expected \(expected), found \(node.described)\(advice)", at: position)
    }

    func integer(in bounds: ClosedRange<Int>, _ findings: inout Findings) -> Int? {
        let expected = "a whole number from \(bounds.lowerBound) to \(bounds.upperBound)"
        if let text = node.plainText, let value = Int(text), findings.takes(value, in: bounds), text.first != "+" {
            return value
        }
        let isQuotedNumber = node.plainText == nil && node.text.flatMap { Int($0) } != nil
        reject(expected: expected, hint: isQuotedNumber ? "remove the quotes" : nil, &findings)
        return nil
    }

    func duration(in bounds: ClosedRange<Duration>, _ findings: inout Findings) -> Duration? {
        let expected =
            "a duration from \(bounds.lowerBound.configured) to \(bounds.upperBound.configured), such as `5s`"
        guard let text = node.text else {
            reject(expected: expected, &findings)
            return nil
        }
        do throws(QuantityError) {
            let value = try Duration(configured: text)
            if findings.takes(value, in: bounds) { return value }
            reject(expected: expected, &findings)
        } catch {
            let advice: String? =
                switch text.lowercased() {
                case "unlimited", "infinite", "infinity", "never", "none", "off":
                    "there is always a limit; the longest is `\(bounds.upperBound.configured)`"
                case let text where text.contains(" "): "leave the blank out"
                default: error.advice(units: "ms, s, m, h or d")
                }
            reject(expected: expected, hint: advice, &findings)
        }
        return nil
    }

    /// A number of bytes with its unit.
    func size(in bounds: ClosedRange<Int>, example: String, _ findings: inout Findings) -> Int? {
        let lower = ByteSize.write(bounds.lowerBound)
        let range =
            bounds.upperBound == .max ? "of at least \(lower)" : "from \(lower) to \(ByteSize.write(bounds.upperBound))"
        let expected = "a size \(range), such as `\(example)`"
        guard let text = node.text else {
            reject(expected: expected, &findings)
            return nil
        }
        do throws(QuantityError) {
            let value = try ByteSize.read(text)
            if findings.takes(value, in: bounds) { return value }
            reject(expected: expected, &findings)
        } catch {
            reject(expected: expected, hint: error.advice(units: "B, KiB, MiB, GiB, KB, MB or GB"), &findings)
        }
        return nil
    }

    /// Text, quoted or not, that is not empty.
    func text(expected: String, _ findings: inout Findings) -> Located<String>? {
        guard let text = node.text, !text.isEmpty else {
            reject(expected: expected, &findings)
            return nil
        }
        return Located(value: text, position: node.position)
    }

    /// A name: it labels metrics and log lines, so that it holds nothing that would have to be escaped there.
    func name(_ findings: inout Findings) -> Located<String>? {
        guard let name = text(expected: "a name", &findings) else { return nil }
        return checkedName(name, &findings) ? name : nil
    }

    func list(of what: String, example: String, _ findings: inout Findings) -> [Node]? {
        if case .sequence(let items) = node.content { return items }
        let hint: String? =
            switch node.content {
            case .mapping(let entries):
                entries.first?.key.value.hasPrefix("-") == true
                    ? "a blank is missing behind the `-`" : "begin each of them with `- `"
            // Of mappings, the example says it.
            case .scalar where example.hasPrefix("[{"): nil
            case .scalar:
                node.repeatableText.map { text in
                    text.contains(" ") ? "begin each of them with `- `" : "write brackets around it: `[\(text)]`"
                }
            case .sequence: nil
            }
        reject(expected: "a list of \(what), such as `\(example)`", hint: hint, &findings)
        return nil
    }
}

func checkedName(_ name: Located<String>, _ findings: inout Findings) -> Bool {
    let isGood = isName(name.value)
    if !isGood {
        findings.error(
            "\(Node.quoted(name.value, by: "`")) is no name: expected 1 to 64 of the characters a-z, A-Z, 0-9, `-`, `_` and `.`",
            at: name.position)
    }
    return isGood
}

func isName(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
        && text.utf8.allSatisfy { byte in
            byte.isASCIILetter || byte.isASCIIDigit
                || [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains(byte)
        }
}

extension UInt8 {
    var isASCIIDigit: Bool { self &- UInt8(ascii: "0") < 10 }
    var isASCIILetter: Bool { (self | 0x20) &- UInt8(ascii: "a") < 26 }
}

extension QuantityError {
    fileprivate func advice(units: String) -> String? {
        switch self {
        case .malformed: nil
        case .noUnit: "add a unit: \(units)"
        case .unknownUnit(let unit): "there is no unit `\(unit)`; use \(units)"
        }
    }
}
