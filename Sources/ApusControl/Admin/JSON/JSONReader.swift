/// Reads JSON (RFC 8259), and says where it is none: callers write it by hand.
struct JSONReader {
    /// What is wrong, and where: line and column counted from 1, in Unicode scalars.
    struct Mistake: Error, Equatable, CustomStringConvertible {
        var line: Int
        var column: Int
        var found: String
        var expected: String

        var description: String { "line \(line), column \(column): found \(found), expected \(expected)" }
    }

    private let scalars: [UnicodeScalar]
    private var index = 0

    /// Values within values at most.
    private static let depthLimit = 32

    static func value(of text: String) throws(Mistake) -> JSONValue {
        var reader = JSONReader(scalars: Array(text.unicodeScalars))
        let value = try reader.value(depth: 0)
        reader.skipBlanks()
        guard reader.index == reader.scalars.count else { throw reader.mistake("the end") }
        return value
    }

    private mutating func value(depth: Int) throws(Mistake) -> JSONValue {
        skipBlanks()
        guard depth < Self.depthLimit else { throw mistake("no more than \(Self.depthLimit) values within each other") }
        switch next {
        case "{"?: return try object(depth)
        case "["?: return try list(depth)
        case "\""?: return .text(try text())
        case let scalar? where scalar == "-" || scalar.isDigit: return try number()
        default:
            for (word, value) in [("true", JSONValue.flag(true)), ("false", .flag(false)), ("null", .null)]
            where scalars[index...].starts(with: word.unicodeScalars) {
                index += word.unicodeScalars.count
                return value
            }
            throw mistake("a value")
        }
    }

    private mutating func object(_ depth: Int) throws(Mistake) -> JSONValue {
        index += 1
        var members: [String: JSONValue] = [:]
        skipBlanks()
        if take("}") { return .object([:]) }
        while true {
            skipBlanks()
            guard next == "\"" else { throw mistake("a key in double quotes") }
            let place = index
            let key = try text()
            skipBlanks()
            guard take(":") else { throw mistake("`:`") }
            guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
                index = place
                throw mistake("each key once")
            }
            skipBlanks()
            if take("}") { return .object(members) }
            guard take(",") else { throw mistake("`,` or `}`") }
        }
    }

    private mutating func list(_ depth: Int) throws(Mistake) -> JSONValue {
        index += 1
        var items: [JSONValue] = []
        skipBlanks()
        if take("]") { return .list([]) }
        while true {
            items.append(try value(depth: depth + 1))
            skipBlanks()
            if take("]") { return .list(items) }
            guard take(",") else { throw mistake("`,` or `]`") }
        }
    }

    private mutating func number() throws(Mistake) -> JSONValue {
        let start = index
        while let scalar = next, "+-.0123456789Ee".unicodeScalars.contains(scalar) { index += 1 }
        let digits = scalars[start..<index]
        let text = String(String.UnicodeScalarView(digits))
        let unsigned = digits.drop { $0 == "-" }
        let hasNeedlessZero = unsigned.first == "0" && unsigned.dropFirst().first?.isDigit == true
        if digits.count - unsigned.count < 2, !hasNeedlessZero, unsigned.first?.isDigit == true,
            unsigned.last?.isDigit == true
        {
            if let number = Int(text) { return .integer(number) }
            if let number = Double(text) { return .number(number) }
        }
        index = start
        throw mistake("a number such as `3`")
    }

    private mutating func text() throws(Mistake) -> String {
        index += 1
        var text = String.UnicodeScalarView()
        while let scalar = next {
            if take("\"") { return String(text) }
            guard scalar.value >= 0x20 else { throw mistake("no control character within a text") }
            index += 1
            text.append(scalar == "\\" ? try escaped() : scalar)
        }
        throw mistake("`\"`")
    }

    private mutating func escaped() throws(Mistake) -> UnicodeScalar {
        guard let letter = next else { throw mistake("the rest of an escape") }
        let plain: [UnicodeScalar: UnicodeScalar] = [
            "\"": "\"", "\\": "\\", "/": "/", "b": "\u{8}", "f": "\u{c}", "n": "\n", "r": "\r", "t": "\t",
        ]
        if let scalar = plain[letter] {
            index += 1
            return scalar
        }
        guard take("u") else { throw mistake("an escape such as `\\n`") }
        let first = try codeUnit()
        if let scalar = UnicodeScalar(first) { return scalar }
        // RFC 8259 section 7: two halves make one.
        guard first < 0xdc00, take("\\"), take("u") else { throw mistake("the other half of a surrogate pair") }
        let second = try codeUnit()
        guard (0xdc00...0xdfff).contains(second),
            let scalar = UnicodeScalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw mistake("the other half of a surrogate pair") }
        return scalar
    }

    private mutating func codeUnit() throws(Mistake) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = next.flatMap({ Character($0).hexDigitValue }), next?.isASCII == true else {
                throw mistake("four hexadecimal digits")
            }
            unit = unit << 4 | UInt32(digit)
            index += 1
        }
        return unit
    }

    // MARK: - Steps

    private var next: UnicodeScalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ scalar: UnicodeScalar) -> Bool {
        guard next == scalar else { return false }
        index += 1
        return true
    }

    private mutating func skipBlanks() {
        while let scalar = next, scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" { index += 1 }
    }

    private func mistake(_ expected: String) -> Mistake {
        let before = scalars[..<index]
        let line = 1 + before.count { $0 == "\n" }
        let column = 1 + (before.lastIndex(of: "\n").map { index - $0 - 1 } ?? index)
        let found = next.map { "`\($0)`" } ?? "the end"
        return Mistake(line: line, column: column, found: found, expected: expected)
    }
}

extension UnicodeScalar {
    fileprivate var isDigit: Bool { ("0"..."9").contains(self) }
}
