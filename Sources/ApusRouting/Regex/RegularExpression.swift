/// A regular expression over bytes, matched in time linear in the text, whatever expression and text are.
///
/// Characters, of which those beyond ASCII stand for their bytes in UTF-8; `.` for any byte; `\d \w \s \D \W \S` in
/// ASCII, `\n \r \t \xHH`, and a backslash before punctuation for the character itself; `[a-z]`, `[^a-z]`; `^` and `$` for
/// the ends of the text; `(...)` and `(?:...)`; `(?<name>...)`, a capture; `|`; `* + ? {n} {n,} {n,m}`, lazy with a `?`
/// behind; `(?i)` at the very start. References and look-around, which no such matcher can have, are refused.
public struct RegularExpression: Sendable, Equatable {
    /// As it was written.
    public let text: String
    /// The names of its named captures, in the order in which they stand.
    public let captureNames: [String]
    let node: RegexNode
    private let program: RegexProgram
    let simulation: RegexSimulation

    /// Steps that an expression may have: they bound what it costs.
    private static let stepLimit = 8_192

    /// - Throws: what is wrong with it, and where.
    public init(_ text: String) throws(RegularExpressionError) {
        var parser = RegexParser(text)
        node = try parser.parse()
        captureNames = parser.captureNames
        self.text = text
        do {
            var program = RegexProgram(limit: Self.stepLimit)
            try program.append(node, accepting: 0)
            self.program = program
            simulation = try RegexSimulation(program)
        } catch {
            throw RegularExpressionError(
                message:
                    "the expression is too large: with its counted repetitions written out it may take no more than "
                    + "\(RegexSimulation.limit) characters; lower the counts, or use `*`", offset: 0)
        }
    }

    public static func == (one: RegularExpression, other: RegularExpression) -> Bool { one.text == other.text }

    /// Whether it is found anywhere in `bytes`, unless it says where (`^`, `$`). Allocates nothing.
    public func matches(_ bytes: Span<UInt8>) -> Bool { simulation.matches(bytes, isWhole: false) }

    /// Whether it matches all of `bytes`. Allocates nothing.
    public func matchesWhole(_ bytes: Span<UInt8>) -> Bool { simulation.matches(bytes, isWhole: true) }

    /// What each named capture takes of the first match, nil for one that has no part in it; nil when there is no match.
    ///
    /// The first match is the one that begins first, and of those the one that a backtracking matcher would find.
    /// Allocates.
    public func captures(in bytes: Span<UInt8>) -> [Range<Int>?]? {
        guard let places = program.captures(captureNames.count, in: bytes) else { return nil }
        return captureNames.indices.map { index in
            let (start, end) = (places[2 * index], places[2 * index + 1])
            return start >= 0 && end >= start ? start..<end : nil
        }
    }
}

/// Why a text is no regular expression that Apus matches.
public struct RegularExpressionError: Error, Sendable, Equatable {
    /// For people: what was found, what was expected.
    public var message: String
    /// Unicode scalars before it.
    public var offset: Int

    public init(message: String, offset: Int) {
        self.message = message
        self.offset = offset
    }
}
