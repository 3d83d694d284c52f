internal import ApusHTTP

/// A property of a parser that must hold for every input: what a fuzzer looks for exceptions to, and what a unit test
/// checks of the inputs that once were exceptions.
public enum ParserCheck: String, CaseIterable, Sendable {
    case requestHead = "request-head"
    case responseHead = "response-head"
    case chunkedBody = "chunked-body"
    case routing = "routing"
    case proxyHeader = "proxy-header"
    case http2 = "http2"

    /// What is wrong with the parser, if `input` shows it; nil if all is well.
    public func problem(with input: [UInt8]) -> String? {
        do {
            switch self {
            case .requestHead: try checkRequestHead(input)
            case .responseHead: try checkResponseHead(input)
            case .chunkedBody: try checkChunkedBody(input)
            case .routing: try checkRouting(input)
            case .proxyHeader: try checkProxyHeader(input)
            case .http2: try checkHTTP2(input)
            }
            return nil
        } catch {
            return error.description
        }
    }
}

struct ParserProblem: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ problem: @autoclosure () -> String) throws(ParserProblem) {
    if !condition { throw ParserProblem(problem()) }
}

/// What parsing came to, in a form that can be compared.
enum ParserAnswer<Success: Equatable>: Equatable {
    case success(Success)
    case incomplete
    case refused(Reason)
}

/// Checks that a parser that starts over with every byte that arrives gives one answer: `.incomplete` for a while, then
/// the same for good. Every cut of a short input, and evenly spread cuts of a long one.
func checkEveryCut<Success: Equatable>(
    of input: [UInt8], _ parse: (Span<UInt8>) -> ParserAnswer<Success>
) throws(ParserProblem) -> ParserAnswer<Success> {
    let whole = parse(input.span)
    var isDecided = false
    for cut in stride(from: 0, to: input.count, by: max(1, input.count / 256)) {
        let answer = parse(input.span.extracting(0..<cut))
        if answer == .incomplete {
            try require(!isDecided, "after \(cut) bytes the answer is taken back")
        } else {
            try require(answer == whole, "after \(cut) bytes \(answer), after all \(whole)")
            isDecided = true
        }
    }
    return whole
}

/// A field line as the parser saw it.
struct ParsedLine: Equatable {
    var line: Range<Int>
    var name: Range<Int>
    var value: Range<Int>
    var isDropped: Bool
}

func parsedLines(_ fields: borrowing FieldTable) -> [ParsedLine] {
    var lines: [ParsedLine] = []
    for index in 0..<fields.count {
        let field = fields[index]
        lines.append(ParsedLine(line: field.line, name: field.name, value: field.value, isDropped: field.isDropped))
    }
    return lines
}

/// A sink that collects a rewritten head.
struct CollectedHead: HeadSink {
    var input: [UInt8]
    var output: [UInt8] = []

    mutating func append(input range: Range<Int>) { output += input[range] }
    mutating func append(_ text: StaticString) { output += Array(text.description.utf8) }
    mutating func append(_ byte: UInt8) { output.append(byte) }
}

/// The lines of a rewritten head, names in lower case, read without the parser's help; throws for anything but lines
/// `Name: value` that end in CR LF, with an empty one at the very end and nowhere else.
func linesOfHead(_ head: [UInt8]) throws(ParserProblem) -> [(name: String, value: String)] {
    var lines: [[UInt8]] = [[]]
    var previous: UInt8 = 0
    for byte in head {
        if byte == 0x0a {
            try require(previous == 0x0d, "a bare LF was written")
            lines[lines.count - 1].removeLast()
            lines.append([])
        } else {
            try require(previous != 0x0d, "a bare CR was written")
            try require(byte >= 0x20 || byte == 0x09 || byte == 0x0d, "a control byte was written")
            lines[lines.count - 1].append(byte)
        }
        previous = byte
    }
    try require(
        lines.count > 2 && lines.suffix(2).allSatisfy(\.isEmpty) && !lines.dropLast(2).contains(where: \.isEmpty),
        "a head was written that does not end in one empty line")
    var fields: [(name: String, value: String)] = []
    for line in lines.dropFirst().dropLast(2) {
        let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        try require(parts.count == 2 && !parts[0].isEmpty, "a line without a name was written")
        try require(parts[1].first == 0x20, "a value was written without a space before it")
        let value = String(decoding: parts[1].dropFirst(), as: UTF8.self)
        try require(value == value.trimmingBlanks(), "a value was written with blanks around it")
        fields.append((String(decoding: parts[0], as: UTF8.self).lowercased(), value))
    }
    return fields
}

extension String {
    fileprivate func trimmingBlanks() -> String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
