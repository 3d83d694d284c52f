/// Reads the text of a regular expression.
struct RegexParser {
    /// Groups within groups, at most: they are read by recursion.
    private static let depthLimit = 100
    /// The most that `{n}` may say.
    static let countLimit = 1_000

    private let text: [Unicode.Scalar]
    private var offset = 0
    private var depth = 0
    private var ignoresCase = false
    private(set) var captureNames: [String] = []

    init(_ text: String) { self.text = Array(text.unicodeScalars) }

    mutating func parse() throws(RegularExpressionError) -> RegexNode {
        if take("(?i)") { ignoresCase = true }
        let node = try alternatives()
        if offset < text.count { throw error("`)` without a `(` before it; write `\\)` for the character itself") }
        return node
    }

    private mutating func alternatives() throws(RegularExpressionError) -> RegexNode {
        var nodes = [try sequence()]
        while take("|") { nodes.append(try sequence()) }
        return nodes.count == 1 ? nodes[0] : .either(nodes)
    }

    private mutating func sequence() throws(RegularExpressionError) -> RegexNode {
        var nodes: [RegexNode] = []
        while let next = peek, next != "|", next != ")" {
            let start = offset
            let node = try atom()
            nodes.append(try repetition(of: node, from: start))
        }
        return .sequence(of: nodes)
    }

    private mutating func atom() throws(RegularExpressionError) -> RegexNode {
        let start = offset
        let scalar = text[offset]
        offset += 1
        switch scalar {
        case ".": return .bytes(.all)
        case "^": return .start
        case "$": return .end
        case "(": return try group(from: start)
        case "[": return .bytes(try characterClass(from: start))
        case "\\":
            switch try escape() {
            case .set(let set): return .bytes(set)
            case .byte(let byte): return .bytes(folded(ByteSet(byte...byte)))
            }
        case "*", "+", "?":
            throw error("`\(scalar)` has nothing before it to repeat; write `\\\(scalar)` for the character", at: start)
        case "{":
            throw error("`{` has nothing before it to repeat; write `\\{` for the character", at: start)
        default:
            return .sequence(of: String(scalar).utf8.map { .bytes(folded(ByteSet($0...$0))) })
        }
    }

    private func folded(_ set: ByteSet) -> ByteSet { ignoresCase ? set.ignoringCase : set }

    // MARK: Repetitions

    private mutating func repetition(of node: RegexNode, from start: Int) throws(RegularExpressionError) -> RegexNode {
        guard let (least, most) = try count() else { return node }
        let isLazy = take("?")
        if peek == "+" {
            throw error("possessive repetitions are not supported, and not needed: nothing is ever tried twice")
        }
        if let next = peek, next == "*" || next == "?" || next == "{" {
            throw error("a repetition of a repetition; put the inner one into `(?:...)`")
        }
        if text[start] == "^" || text[start] == "$" {
            throw error("`\(text[start])` is a place and cannot be repeated", at: start)
        }
        if node == .empty || most == 0 { return .empty }
        return .repeated(node, least: least, most: most, isLazy: isLazy)
    }

    private mutating func count() throws(RegularExpressionError) -> (least: Int, most: Int?)? {
        if take("*") { return (0, nil) }
        if take("+") { return (1, nil) }
        if take("?") { return (0, 1) }
        let start = offset
        guard take("{") else { return nil }
        guard let least = try number(from: start) else { throw badCount(start) }
        var most: Int? = least
        if take(",") { most = try number(from: start) }
        guard take("}") else { throw badCount(start) }
        if let most, most < least { throw error("`{\(least),\(most)}` ends before it begins", at: start) }
        return (least, most)
    }

    private func badCount(_ start: Int) -> RegularExpressionError {
        error("expected `{n}`, `{n,}` or `{n,m}`; write `\\{` for the character", at: start)
    }

    private mutating func number(from start: Int) throws(RegularExpressionError) -> Int? {
        var value: Int?
        while let digit = peek, ("0"..."9").contains(digit) {
            value = (value ?? 0) * 10 + Int(digit.value - 0x30)
            if value! > Self.countLimit {
                throw error("nothing can be repeated more than \(Self.countLimit) times by count", at: start)
            }
            offset += 1
        }
        return value
    }

    // MARK: Groups

    private mutating func group(from start: Int) throws(RegularExpressionError) -> RegexNode {
        depth += 1
        defer { depth -= 1 }
        if depth > Self.depthLimit { throw error("groups are nested more than \(Self.depthLimit) deep", at: start) }
        var capture: Int?
        if take("?:") {
        } else if take("?<") || take("?P<") {
            if peek == "=" || peek == "!" { throw lookAround(start) }
            capture = try captureName()
        } else if take("?=") || take("?!") {
            throw lookAround(start)
        } else if peek == "?" {
            throw error(
                "`(?` begins `(?:...)`, `(?<name>...)` or, at the very start, `(?i)`; other groups are not supported",
                at: start)
        }
        let node = try alternatives()
        guard take(")") else { throw error("this `(` is not closed by `)`", at: start) }
        return capture.map { .capture($0, node) } ?? node
    }

    private func lookAround(_ start: Int) -> RegularExpressionError {
        error(
            "look-around is not supported, as it cannot be matched in linear time; "
                + "write two routes, the one to be left out first", at: start)
    }

    private mutating func captureName() throws(RegularExpressionError) -> Int {
        let start = offset
        var name = ""
        while let scalar = peek, scalar != ">", scalar != ")" {
            name.unicodeScalars.append(scalar)
            offset += 1
        }
        guard take(">") else { throw error("this name is not closed by `>`", at: start) }
        let bytes = Array(name.utf8)
        guard let first = bytes.first, !first.isDigit, bytes.allSatisfy(\.isWord) else {
            throw error("a name consists of letters, digits and `_` and does not begin with a digit", at: start)
        }
        if captureNames.contains(name) { throw error("`\(name)` names a capture before this one already", at: start) }
        captureNames.append(name)
        return captureNames.count - 1
    }

    // MARK: Characters

    private enum Escape {
        case set(ByteSet)
        case byte(UInt8)
    }

    private static let digits = ByteSet(0x30...0x39)
    private static let words = ByteSet(0x30...0x39, 0x41...0x5a, 0x5f...0x5f, 0x61...0x7a)
    private static let blanks = ByteSet(0x09...0x0d, 0x20...0x20)

    /// What stands behind a backslash.
    private mutating func escape() throws(RegularExpressionError) -> Escape {
        let start = offset - 1
        guard let scalar = peek else {
            throw error("a backslash at the end; write `\\\\` for the character", at: start)
        }
        offset += 1
        switch scalar {
        case "d": return .set(Self.digits)
        case "D": return .set(Self.digits.inverted)
        case "w": return .set(Self.words)
        case "W": return .set(Self.words.inverted)
        case "s": return .set(Self.blanks)
        case "S": return .set(Self.blanks.inverted)
        case "n": return .byte(0x0a)
        case "r": return .byte(0x0d)
        case "t": return .byte(0x09)
        case "x": return .byte(try hexadecimal(start))
        case "b", "B", "A", "z", "Z", "G":
            throw error("`\\\(scalar)` is not supported; the text begins at `^` and ends at `$`", at: start)
        case "1"..."9", "k":
            throw error(
                "references to what was matched before are not supported, as they cannot be matched in linear time",
                at: start)
        case "0"..."9", "a"..."z", "A"..."Z":
            throw error("`\\\(scalar)` has no meaning here; leave the backslash out", at: start)
        default:
            guard scalar.isASCII else {
                throw error("a backslash before `\(scalar)` has no meaning; leave it out", at: start)
            }
            return .byte(UInt8(scalar.value))
        }
    }

    private mutating func hexadecimal(_ start: Int) throws(RegularExpressionError) -> UInt8 {
        guard offset + 2 <= text.count, let high = text[offset].hexValue, let low = text[offset + 1].hexValue else {
            throw error("expected two hexadecimal digits behind `\\x`", at: start)
        }
        offset += 2
        return high << 4 | low
    }

    private mutating func characterClass(from start: Int) throws(RegularExpressionError) -> ByteSet {
        let isNegated = take("^")
        var set = ByteSet()
        var isFirst = true
        while let scalar = peek, scalar != "]" || isFirst {
            isFirst = false
            let position = offset
            guard case .byte(let first) = try classMember(into: &set) else { continue }
            // A hyphen before the end stands for itself.
            guard peek == "-", offset + 1 < text.count, text[offset + 1] != "]" else {
                set.insert(first)
                continue
            }
            offset += 1
            guard case .byte(let last) = try classMember(into: &set) else {
                throw error("a range ends with a character, not with a class; write `\\-` for a hyphen", at: position)
            }
            guard first <= last else { throw error("this range ends before it begins", at: position) }
            set.formUnion(ByteSet(first...last))
        }
        guard take("]") else { throw error("this `[` is not closed by `]`", at: start) }
        set = folded(set)
        return isNegated ? set.inverted : set
    }

    /// A character of a class; a class within it is added at once.
    private mutating func classMember(into set: inout ByteSet) throws(RegularExpressionError) -> Escape {
        let scalar = text[offset]
        if scalar == "[", offset + 1 < text.count, text[offset + 1] == ":" {
            throw error("classes such as `[:alpha:]` are not supported; write `a-zA-Z`")
        }
        offset += 1
        if scalar == "\\" {
            let escape = try escape()
            if case .set(let inner) = escape { set.formUnion(inner) }
            return escape
        }
        guard scalar.isASCII else {
            throw error(
                "a class holds bytes, and `\(scalar)` is several; write `(?:\(scalar)|...)` instead", at: offset - 1)
        }
        return .byte(UInt8(scalar.value))
    }

    // MARK: The text

    private var peek: Unicode.Scalar? { offset < text.count ? text[offset] : nil }

    private mutating func take(_ expected: String) -> Bool {
        let scalars = expected.unicodeScalars
        guard text[offset...].starts(with: scalars) else { return false }
        offset += scalars.count
        return true
    }

    private func error(_ message: String, at position: Int? = nil) -> RegularExpressionError {
        RegularExpressionError(message: message, offset: position ?? offset)
    }
}

extension Unicode.Scalar {
    fileprivate var hexValue: UInt8? {
        switch self {
        case "0"..."9": UInt8(value - 0x30)
        case "a"..."f": UInt8(value - 0x61 + 10)
        case "A"..."F": UInt8(value - 0x41 + 10)
        default: nil
        }
    }
}
