import ApusRouting
import Testing

@Suite struct RegularExpressionTests {
    private static func matches(_ expression: String, _ text: String) throws -> Bool {
        try RegularExpression(expression).matches(Array(text.utf8).span)
    }

    @Test(arguments: [
        ("", "", true), ("", "x", true), ("a", "bab", true), ("^a", "ba", false), ("a$", "ba", true),
        ("a$", "ab", false),
        ("^$", "", true), ("^$", "a", false), ("$", "a", true), ("a|^b", "cb", false), ("a|^b", "bc", true),
        ("^/v[12]/", "/v2/x", true), ("^/v[12]/", "/v3/x", false), ("^/v[^12]/", "/v3/x", true),
        ("[a-]", "-", true), ("[]a]", "]", true), ("[^]a]", "]", false), ("[\\d-]x", "-x", true), ("[\\]]", "]", true),
        ("\\d+\\.\\w", "x12.y", true), ("\\S\\s\\D\\W", "a b.", true), ("\\x41\\t", "A\t", true), ("a.c", "a\nc", true),
        ("^(ab|a)(c|bcd)$", "abcd", true), ("^(?:ab)+$", "ababa", false), ("^a{2}$", "aaa", false),
        ("^a{2,}$", "aaaa", true), ("^a{1,2}$", "aaa", false), ("^a{0}b$", "b", true), ("^(a*)*b$", "aaab", true),
        ("^(a|)+$", "aa", true), ("(?i)^/Users$", "/uSERS", true), ("(?i)[x-z]", "Y", true), ("^[^a]$", "A", true),
        ("^é+$", "éé", true), ("^.$", "é", false), ("^é?x$", "x", true), ("\\/\\-\\{", "/-{", true),
        ("a$b", "ab", false),
        ("x*", "", true), ("^a??b", "ab", true),
    ])
    func isFoundWhereItShould(expression: String, text: String, expected: Bool) throws {
        #expect(try Self.matches(expression, text) == expected)
    }

    @Test(arguments: [
        ("a|ab", "ab", true), ("a", "ab", false), ("a*", "", true), ("^a$", "a", true), ("b", "ab", false),
        ("a$|ab", "ab", true), ("a+?", "aaa", true), ("", "a", false),
    ])
    func aWholeValueIsMatchedFromEndToEnd(expression: String, text: String, expected: Bool) throws {
        #expect(try RegularExpression(expression).matchesWhole(Array(text.utf8).span) == expected)
    }

    @Test(arguments: [
        ("^/v[12]/(?<name>[a-z]+)$", "/v1/abc", "abc"), ("(?<name>a+)", "baac", "aa"), ("(?<name>a+?)", "baac", "a"),
        ("(?<name>a|ab)c?", "abc", "a"), ("(?<name>ab|a)", "ab", "ab"), ("(?P<name>b)|a", "ab", nil),
        ("(?:(?<name>[ab])/?)+", "a/b", "b"), ("^/(?<name>.*?)/x", "/a/b/x/x", "a/b"), ("x(?<name>y*)z", "xz", ""),
        ("(?<name>x)", "y", "no match"),
    ])
    func capturesAreThoseOfTheFirstMatch(expression: String, text: String, expected: String?) throws {
        let bytes = Array(text.utf8)
        let regex = try RegularExpression(expression)
        #expect(regex.captureNames == ["name"])
        guard let captures = regex.captures(in: bytes.span) else {
            #expect(expected == "no match")
            return
        }
        #expect(captures.map { $0.map { String(decoding: bytes[$0], as: UTF8.self) } } == [expected])
    }

    @Test(arguments: [
        ("(a", 0, "not closed"), ("a)", 1, "without a `(`"), ("[a", 0, "not closed"),
        ("a\\", 1, "backslash at the end"),
        ("*a", 0, "nothing before it"), ("a|+", 2, "nothing before it"), ("{2}", 0, "nothing before it"),
        ("a{2", 1, "expected `{n}`"), ("a{,2}", 1, "expected `{n}`"), ("a{3,2}", 1, "ends before"),
        ("a{1001}", 1, "1000"), ("a{99999999999999999999}", 1, "1000"), ("a**", 2, "repetition of a repetition"),
        ("a++", 2, "possessive"), ("(a)\\1", 3, "references"), ("\\k<a>", 0, "references"), ("(?=a)", 0, "look-around"),
        ("a(?!b)", 1, "look-around"), ("(?<=a)b", 0, "look-around"), ("(?<!a)b", 0, "look-around"),
        ("a(?i)b", 1, "at the very start"), ("(?>a)", 0, "not supported"), ("\\bfoo", 0, "not supported"),
        ("\\q", 0, "leave the backslash out"), ("\\x4", 0, "two hexadecimal"), ("[z-a]", 1, "ends before"),
        ("[[:alpha:]]", 1, "[:alpha:]"), ("[é]", 1, "several"), ("[a-\\d]", 1, "ends with a character"),
        ("(?<1>a)", 3, "digit"), ("(?<a>x)(?<a>y)", 10, "already"), ("(?<a", 3, "not closed"), ("^*", 0, "repeated"),
        ("(?:a{1000}){1000}", 0, "too large"), ("a{1000}b{1000}", 0, "too large"),
        (String(repeating: "(", count: 101), 100, "100 deep"),
    ])
    func whatIsNotUnderstoodIsSaid(expression: String, offset: Int, message: String) {
        let error = #expect(throws: RegularExpressionError.self) { try RegularExpression(expression) }
        #expect(error?.offset == offset)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func hostileExpressionsAndTextsEnd() throws {
        let text = Array(repeating: UInt8(ascii: "a"), count: 1_024)
        for expression in [
            "(a*)*b", "(a|a)*b", "(a|aa)+$b", "(?:a?){500}a{500}b", ".*.*.*.*.*x", "(x+x+)+y", "a{1,500}b",
        ] {
            #expect(try !RegularExpression(expression).matches(text.span), "\(expression)")
        }
        // Nothing repeated often enough to never end.
        let nothing = "((((a{0}){1000}){1000}){1000}){1000}"
        #expect(try RegularExpression(nothing).matches(text.span))
    }

    /// Swift's own engine, which backtracks, must come to the same: for every expression of a small language and every
    /// text of a small alphabet.
    @Test(arguments: 0..<40) func agreesWithAnEngineThatBacktracks(seed: UInt64) throws {
        var random = Seeded(seed)
        var matches = 0
        for _ in 0..<15 {
            let text = Self.expression(&random, depth: 3)
            let ours = try RegularExpression("(?<m>\(text))")
            let theirs = try Regex("(?<m>\(text))")
            for _ in 0..<12 {
                let count = Int.random(in: 0...7, using: &random)
                let input = String((0..<count).map { _ in "abc".randomElement(using: &random)! })
                let bytes = Array(input.utf8)
                let match = try theirs.firstMatch(in: input)
                if match != nil { matches += 1 }
                #expect(ours.matches(bytes.span) == (match != nil), "\(text) in \(input)")
                #expect(
                    try ours.matchesWhole(bytes.span) == (theirs.wholeMatch(in: input) != nil), "\(text) of \(input)")
                let captured = ours.captures(in: bytes.span)?[0].map { String(decoding: bytes[$0], as: UTF8.self) }
                #expect(captured == match.map { String(input[$0.range]) }, "\(text) in \(input)")
            }
        }
        #expect((20...170).contains(matches), "\(matches) of 180 match: too few or too many to show much")
    }

    private static func expression(_ random: inout Seeded, depth: Int) -> String {
        switch Int.random(in: 0..<(depth > 0 ? 12 : 4), using: &random) {
        case 0, 1: return ["a", "b", "c"].randomElement(using: &random)!
        case 2: return [".", "[ab]", "[^a]", "\\w"].randomElement(using: &random)!
        case 3: return ["a", "^", "$", "b"].randomElement(using: &random)!
        case 4, 5, 6, 7:
            return expression(&random, depth: depth - 1) + expression(&random, depth: depth - 1)
        case 8, 9:
            return "(?:\(expression(&random, depth: depth - 1))|\(expression(&random, depth: depth - 1)))"
        default:
            let count = ["*", "+", "?", "{2}", "{1,2}", "*?", "+?", "??", "{0,2}?"].randomElement(using: &random)!
            return "(?:\(expression(&random, depth: depth - 1)))\(count)"
        }
    }
}

/// Random numbers that are the same for the same seed (SplitMix64).
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
