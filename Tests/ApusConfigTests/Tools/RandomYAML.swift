/// Writes documents in every layout that YAML allows and people use, however ugly.
struct RandomYAML {
    private var random: SplitMix
    private var text = ""
    private var anchors = 0

    init(seed: UInt64) { random = SplitMix(seed) }

    mutating func document() -> String {
        if chance(10) { text += "---\n" }
        mapping(indentation: 0, depth: 0, isInline: false)
        return text
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private func blanks(_ count: Int) -> String { String(repeating: " ", count: count) }

    private mutating func gap() -> String { blanks(chance(60) ? 1 : number(1...4)) }

    private mutating func noise(_ indentation: Int) {
        while chance(15) { text += chance(50) ? "\n" : blanks(number(0...3)) + "\n" }
        if chance(15) { text += blanks(chance(70) ? indentation : number(0...8)) + "# remark \(number(0...99))\n" }
    }

    private mutating func endOfLine() {
        if chance(15) { text += gap() + "# beside \(number(0...99))" }
        text += (chance(10) ? blanks(number(1...3)) : "") + "\n"
    }

    private mutating func mapping(indentation: Int, depth: Int, isInline: Bool) {
        for entry in 0...number(0...3) {
            if !isInline || entry > 0 {
                noise(indentation)
                text += blanks(indentation)
            }
            let key = "k\(entry)"
            text += chance(15) ? "\"\(key)\"" : chance(10) ? "\(key) " : key
            text += ":"
            value(indentation: indentation, depth: depth, mayBeIndentless: true)
        }
    }

    private mutating func sequence(indentation: Int, depth: Int, isInline: Bool) {
        for entry in 0...number(0...2) {
            if !isInline || entry > 0 {
                noise(indentation)
                text += blanks(indentation)
            }
            text += "-"
            let gap = gap()
            if depth < 4, chance(25) {
                text += gap
                mapping(indentation: indentation + 1 + gap.count, depth: depth + 1, isInline: true)
            } else if depth < 4, chance(12) {
                text += gap
                sequence(indentation: indentation + 1 + gap.count, depth: depth + 1, isInline: true)
            } else {
                value(indentation: indentation, depth: depth, mayBeIndentless: false)
            }
        }
    }

    /// Behind a key or a dash.
    private mutating func value(indentation: Int, depth: Int, mayBeIndentless: Bool) {
        if chance(8) {
            anchors += 1
            text += gap() + "&a\(anchors)"
        } else if anchors > 0, chance(8) {
            text += gap() + "*a\(number(1...anchors))"
            endOfLine()
            return
        }
        if depth < 4, chance(35) {
            endOfLine()
            if chance(50) {
                mapping(indentation: indentation + number(1...5), depth: depth + 1, isInline: false)
            } else {
                let step = mayBeIndentless && chance(40) ? 0 : number(1...5)
                sequence(indentation: indentation + step, depth: depth + 1, isInline: false)
            }
            return
        }
        switch number(0...9) {
        case 0: blockScalar(indentation)
        case 1: quoted(indentation)
        case 2, 3, 4:
            text += gap()
            flow(indentation, depth: 0)
            endOfLine()
        case 5: plain(indentation)
        case 6: endOfLine()
        default:
            text += gap() + "word\(number(0...9)):\(number(0...9)) x"
            endOfLine()
        }
    }

    private mutating func plain(_ indentation: Int) {
        text += gap() + "one two"
        for _ in 0..<number(0...2) {
            text += "\n"
            while chance(20) { text += "\n" }
            text += blanks(indentation + number(1...6)) + (chance(20) ? "- three" : "three#four")
        }
        endOfLine()
    }

    private mutating func quoted(_ indentation: Int) {
        let quote = chance(50) ? "\"" : "'"
        text += gap() + quote + (quote == "\"" ? "a\\\"b # c" : "it''s # c")
        for _ in 0..<number(0...2) {
            text += (chance(30) ? "  " : "") + "\n"
            while chance(20) { text += "\n" }
            text += blanks(indentation + number(1...6)) + (quote == "\"" && chance(30) ? "x\\" : "{ y: [z")
        }
        if text.hasSuffix("\\") { text += "\\" }
        text += quote
        endOfLine()
    }

    private mutating func blockScalar(_ indentation: Int) {
        text += gap() + (chance(50) ? "|" : ">")
        let step = number(1...5)
        let hasDigit = chance(20)
        let keeps = chance(30)
        if hasDigit { text += "\(step)" }
        if keeps { text += "+" } else if chance(30) { text += "-" }
        endOfLine()
        while chance(10) { text += "\n" }
        for line in 0...number(0...2) {
            let further = line > 0 || hasDigit ? number(0...2) : 0
            text +=
                blanks(indentation + step + further) + (chance(20) ? "# text" : "- text: {") + (chance(20) ? "  " : "")
                + "\n"
            while chance(20) { text += chance(70) ? "\n" : blanks(number(0...12)) + "\n" }
        }
    }

    private mutating func flow(_ indentation: Int, depth: Int) {
        let isMapping = chance(50)
        text += isMapping ? "{" : "["
        let count = number(0...3)
        for entry in 0..<count {
            flowBreak(indentation)
            if isMapping { text += chance(20) ? "\"k\(entry)\":" : "k\(entry):" + blanks(number(1...3)) }
            if depth < 2, chance(25) {
                flow(indentation, depth: depth + 1)
            } else {
                text +=
                    ["a", "\"b, c\"", "'d: ]'", "e f#g", "10.0.0.1:80", "h\n\(blanks(indentation + 2))i"][number(0...5)]
            }
            flowBreak(indentation)
            if entry + 1 < count || chance(10) { text += "," }
        }
        flowBreak(indentation)
        text += isMapping ? "}" : "]"
    }

    private mutating func flowBreak(_ indentation: Int) {
        if chance(12) {
            endOfLine()
            while chance(10) { text += "\n" }
            text += blanks(indentation + number(1...6))
        } else if chance(40) {
            text += blanks(number(0...2))
        }
    }
}
