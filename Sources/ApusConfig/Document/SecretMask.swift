/// Hides secrets in what is shown of a file: diagnostics quote its lines, and end up in logs and on screens.
///
/// The value of every key that is called `secret`, `token` or `authorization`, or nearly so, or whose name tends to hold
/// what lets somebody in (`isSensitive`), is hidden where it stands, also in text that is not YAML or whose key is
/// mistyped. Once the document has been read, its secrets are hidden wherever else they appear. With what health checks
/// send, which is hidden on demand, these are the values that `explain` and `diff` do not show.
struct SecretMask: Sendable {
    /// The texts of secrets, the longest first.
    private var texts: [String] = []
    /// Per source and line, whether it lies within the value of a key in a line above.
    private var isWithin: [[Bool]]
    /// The secrets as they stand in the documents.
    private var found: Set<String> = []

    /// What the first line of a private key ends with (RFC 7468 section 10).
    private static let privateKey = "PRIVATE KEY-----"
    /// The keys of secrets.
    private static let secretKeys = ["secret", "token", "authorization"]
    /// Those, and the one that is nearly called the same.
    private static let keys = secretKeys + ["secure"]
    /// A shorter text is refused as a secret, and hiding it everywhere could hide everything.
    private static let shortestText = 4

    /// Whether what health checks send is hidden too: a diagnostic about it would say nothing then.
    private let hidesSends: Bool

    init(_ sources: [Source], _ documents: [Node], hidesSends: Bool = false) {
        self.hidesSends = hidesSends
        isWithin = sources.map { Self.continuations(of: $0.lines, hidesSends) }
        for document in documents { Self.collect(document, isSecret: false, hidesSends, into: &found) }
        texts = Self.texts(of: found)
    }

    /// Hides what stands in one more source.
    mutating func append(_ source: Source) { isWithin.append(Self.continuations(of: source.lines, hidesSends)) }

    /// Hides the secrets of one more document.
    mutating func hide(_ document: Node) {
        let before = found.count
        Self.collect(document, isSecret: false, hidesSends, into: &found)
        if found.count > before { texts = Self.texts(of: found) }
    }

    private static func texts(of found: Set<String>) -> [String] {
        // Messages quote the beginning of a line.
        let lines = found.flatMap { $0.split(whereSeparator: \.isNewline).map(String.init) }
        let beginnings = lines.map { String($0.prefix(Node.quotedLength)) }
        return found.union(lines).union(beginnings).filter { $0.count >= shortestText }
            .sorted { ($0.count, $0) > ($1.count, $1) }
    }

    private static func continuations(of lines: [Substring], _ hidesSends: Bool) -> [Bool] {
        var isWithin: [Bool] = []
        // The indentation of the line whose value goes on below.
        var indentation: Int?
        // The text of a private key, wherever it stands.
        var isInKey = false
        for line in lines {
            let isBlank = line.allSatisfy(\.isWhitespace)
            let own = line.prefix { $0 == " " }.count
            if let outer = indentation, !isBlank, own <= outer { indentation = nil }
            if line.contains("-----BEGIN "), line.contains(privateKey) { isInKey = true }
            isWithin.append(indentation != nil || isInKey)
            if line.contains("-----END ") { isInKey = false }
            if indentation == nil, values(in: line, hidesSends).contains(where: \.goesOn) { indentation = own }
        }
        return isWithin
    }

    /// The line of that number, counted from 1, with each character of a secret replaced: columns stay where they are.
    func masked(line: String, number: Int, source: Int) -> String {
        if isWithin[source].indices.contains(number - 1), isWithin[source][number - 1] {
            return String(line.map { $0.isWhitespace ? $0 : "*" })
        }
        return masked(starred(line))
    }

    /// A part of the line of that number, as in `masked(line:number:source:)`, and where its column is in that.
    ///
    /// - Parameter starred: what `starred` has made of the line.
    func masked(_ starred: StarredLine, around column: Int, number: Int, source: Int) -> (text: String, column: Int) {
        if isWithin[source].indices.contains(number - 1), isWithin[source][number - 1] {
            let (text, column) = starred.excerpt(around: column, margin: 0)
            return (String(text.map { $0.isWhitespace || $0 == StarredLine.ellipsis ? $0 : "*" }), column)
        }
        // Look past the excerpt's ends: a secret that is cut off there would not be recognised.
        let margin = texts.first.map { $0.unicodeScalars.count } ?? 0
        return starred.excerpt(around: column, margin: margin, masked)
    }

    /// The line with the values of its keys that are secrets replaced.
    func starred(_ line: String) -> String {
        var shown = String.UnicodeScalarView()
        var index = line.startIndex
        for value in Self.values(in: line[...], hidesSends) {
            shown.append(contentsOf: line.unicodeScalars[index..<value.range.lowerBound])
            shown.append(contentsOf: repeatElement("*", count: line.unicodeScalars[value.range].count))
            index = value.range.upperBound
        }
        shown.append(contentsOf: line.unicodeScalars[index...])
        return concealingQuery(String(shown))
    }

    /// Text with each secret in it replaced.
    func masked(_ text: String) -> String {
        concealingQuery(
            texts.reduce(text) { text, secret in
                text.replacing(secret, with: String(repeating: "*", count: secret.unicodeScalars.count))
            })
    }

    private static func collect(
        _ node: Node, isSecret: Bool, _ hidesSends: Bool, into found: inout Set<String>
    ) {
        switch node.content {
        case .scalar: if let text = node.text, isSecret || text.contains(privateKey) { found.insert(text) }
        case .sequence(let items): for item in items { collect(item, isSecret: isSecret, hidesSends, into: &found) }
        case .mapping(let entries):
            for entry in entries {
                // Where a secret is kept is none; under a key that is unknown it may be the secret itself.
                let isSecret = isSecret && entry.key.value != "file" || isKey(entry.key.value, hidesSends)
                if entry.key.value == "key", let text = entry.value.text, mayBeKey(text) { found.insert(text) }
                if isSecret, isSwitch(entry.key.value, Substring(entry.value.text ?? "")) { continue }
                collect(entry.value, isSecret: isSecret, hidesSends, into: &found)
            }
        }
    }

    /// Whether that is no path, and may be a private key without its first line: long, and without a point.
    static func mayBeKey(_ text: String) -> Bool {
        text.utf8.count >= 60 && !text.contains(".") && !text.contains(privateKey)
    }

    /// Words of the language itself, sticky sessions and hashes name a cookie, routes ask for cookies, and one of nginx's
    /// that people bring along.
    private static let language: Set<String> = ["cookie", "cookies", "server_tokens"]

    /// Whether that is a route's `cors.credentials`, which only says whether there may be any: `on`, at the start of a text.
    private static func isSwitch(_ word: some StringProtocol, _ text: Substring) -> Bool {
        word == "credentials" && text.prefixMatch(of: /(on|off|true|false)\s*([,}#]|$)/) != nil
    }

    private static func isKey(_ word: some StringProtocol, _ hidesSends: Bool) -> Bool {
        if word.utf8.count >= 3, isSensitive(fieldName: String(word)), !language.contains(String(word)) { return true }
        if hidesSends, word == "send" { return true }
        if let dot = word.lastIndex(of: "."), isKey(word[word.index(after: dot)...], hidesSends) { return true }
        // Most words are too short or too long, or have other letters, which is quicker to see.
        guard (4...16).contains(word.utf8.count),
            word.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "t") }) || word.utf8.count < 8
        else { return false }
        return nearest(to: String(word), among: keys).map { secretKeys.contains($0) } ?? false
    }
}

extension SecretMask {
    /// What stands behind a key.
    private struct Value {
        var range: Range<Substring.Index>
        /// Nothing ends it on this line.
        var goesOn: Bool
        /// Where keys are looked for again; nil for behind the range.
        var resumesAt: Substring.Index?
    }

    /// The values of the keys in `line` that are secrets.
    private static func values(in line: Substring, _ hidesSends: Bool) -> [Value] {
        var values: [Value] = []
        var rest = line
        while let colon = rest.firstIndex(of: ":") {
            let word = rest[..<colon].trailingWord
            rest = rest[rest.index(after: colon)...]
            guard isKey(word, hidesSends) else { continue }
            let start = rest.firstIndex { !$0.isWhitespace } ?? rest.endIndex
            if isSwitch(word, rest[start...]) { continue }
            let value = value(of: rest[start...])
            values.append(value)
            rest = rest[(value.resumesAt ?? value.range.upperBound)...]
        }
        return values
    }

    /// What is quoted ends with its quote; anything else is taken to go on to the end of the line, and below.
    private static func value(of text: Substring) -> Value {
        // Where a secret is kept is none: `{ file: ... }`, `${NAME}`.
        if let place = text.prefixMatch(of: /\{\s*file\s*:|"?\$\{[A-Za-z0-9_]+\}"?\s*(?=[,}]|$)/) {
            return Value(range: text.startIndex..<text.startIndex, goesOn: false, resumesAt: place.range.upperBound)
        }
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            return Value(range: text.startIndex..<text.endIndex, goesOn: true)
        }
        let start = text.index(after: text.startIndex)
        var index = start
        while index < text.endIndex {
            let next = text.index(after: index)
            if quote == "\"", text[index] == "\\", next < text.endIndex {
                index = text.index(after: next)
            } else if text[index] != quote {
                index = next
            } else if quote == "'", next < text.endIndex, text[next] == quote {
                index = text.index(after: next)
            } else {
                return Value(range: start..<index, goesOn: false)
            }
        }
        return Value(range: start..<text.endIndex, goesOn: true)
    }
}

extension Substring {
    /// The word at the end, blanks and quotes behind it left out.
    fileprivate var trailingWord: Substring {
        var end = endIndex
        while end > startIndex, [" ", "\t", "\"", "'"].contains(self[index(before: end)]) { end = index(before: end) }
        var start = end
        while start > startIndex {
            let before = index(before: start)
            guard self[before].isLetter || self[before].isNumber || "-_.".contains(self[before]) else { break }
            start = before
        }
        return self[start..<end]
    }
}
