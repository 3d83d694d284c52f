import ApusModel
import ApusRouting

extension OriginPattern {
    private struct Refusal: Error { var advice: String? }

    private static let expected =
        "an origin such as `https://app.example.com`, a pattern such as `\"https://*.example.com\"`, `~` and a regular "
        + "expression, or `\"*\"` for every origin"

    /// One, or a list of those that are all different; nil, with an error in `findings`, when one of them is wrong.
    static func list(_ field: Field, _ findings: inout Findings) -> [OriginPattern]? {
        let items = if case .sequence(let items) = field.node.content { items.map(field.item) } else { [field] }
        guard Bounds.crossOrigins.contains(items.count) else {
            field.reject(
                expected: "\(Bounds.crossOrigins.lowerBound) to \(Bounds.crossOrigins.upperBound) origins",
                hint: items.isEmpty ? "leave `cors` out where no page of another origin may read" : nil, &findings)
            return nil
        }
        var patterns: [OriginPattern] = []
        for item in items {
            guard let pattern = read(item, &findings) else { continue }
            if patterns.contains(pattern) {
                findings.error("the origin `\(item.node.text ?? "")` is listed twice; keep one", at: item.position)
            }
            patterns.append(pattern)
        }
        return patterns.count == items.count ? patterns : nil
    }

    private static func read(_ field: Field, _ findings: inout Findings) -> OriginPattern? {
        guard let text = field.node.text else {
            field.reject(expected: expected, hint: field.node.isNull ? nullAdvice : nil, &findings)
            return nil
        }
        if text.hasPrefix("~") { return regex(field, text, &findings) }
        do throws(Refusal) {
            let pattern = try OriginPattern(configured: text)
            if case .parts(let parts) = pattern, case .suffix(let suffix) = parts.host,
                suffix.count(where: { $0 == 0x2e }) == 1
            {
                findings.warning(
                    "`\(text)` allows every host below `\(String(decoding: suffix.dropFirst(), as: UTF8.self))`, whoever owns it; name a "
                        + "domain of your own, such as `https://*.example.com`", at: field.position)
            }
            return pattern
        } catch {
            field.reject(expected: expected, hint: error.advice, &findings)
            return nil
        }
    }

    private static let nullAdvice =
        "`null` is what files and sandboxed frames of any page have for an origin; it cannot be told apart, and is not "
        + "allowed"

    // MARK: - Origins and patterns of them

    /// `https://app.example.com`, `https://*.example.com`, `http://localhost:*`, `*`; the host in any case.
    private init(configured text: String) throws(Refusal) {
        if text == "*" {
            self = .any
            return
        }
        if text == "null" { throw Refusal(advice: Self.nullAdvice) }
        guard let colon = text.firstRange(of: "://") else {
            let host = text.prefix { $0 != ":" }
            let isHost = isHostName(host.hasPrefix("*.") ? host.dropFirst(2) : host)
            throw Refusal(advice: isHost ? "the scheme is missing: `https://\(text)`" : nil)
        }
        let scheme = text[..<colon.lowerBound].lowercased()
        let rest = String(text[colon.upperBound...])
        try Self.checkEnd(of: rest, scheme)
        let (host, port) = Self.split(rest)
        if scheme == "*" { throw Refusal(advice: "write the scheme, such as `https`; for both list both") }
        if host == "*" {
            throw Refusal(advice: "that is every host: write `\"*\"` alone to allow every origin, or name a domain")
        }
        let usual = ["http": "80", "https": "443"][scheme]
        if let port, port == usual { throw Refusal(advice: "leave `:\(port)` out: browsers do") }
        guard let pattern = try? HostPattern(configured: host) else {
            let isForeign = !host.utf8.allSatisfy { $0 < 0x80 }
            throw Refusal(
                advice: isForeign
                    ? "write an internationalised name in its ASCII form (xn--...)"
                    : host.contains("*") ? "`*` may only be the first label, or the port" : nil)
        }
        let isWild = if case .suffix = pattern { true } else { port == "*" }
        let written = "\(scheme)://\(pattern.words)" + (port.map { ":\($0)" } ?? "")
        let probe =
            isWild
            ? "\(scheme)://\(pattern.words.replacing("*", with: "x"))" + (port.map { ":\($0 == "*" ? "1" : $0)" } ?? "")
            : written
        guard SerializedOrigin(Array(probe.utf8).span) != nil else { throw Refusal(advice: nil) }
        guard isWild else {
            self = .exact(Array(written.utf8))
            return
        }
        let parts: OriginParts.Port = port.map { $0 == "*" ? .any : .number(Array($0.utf8)) } ?? .usual
        self = .parts(OriginParts(scheme: Array(scheme.utf8), host: pattern, port: parts))
    }

    /// Nothing follows the host and port.
    private static func checkEnd(of rest: String, _ scheme: String) throws(Refusal) {
        if rest.contains("@") { throw Refusal(advice: "an origin has no user") }
        guard let end = rest.firstIndex(where: { "/?#".contains($0) }) else { return }
        let origin = "\(scheme)://\(rest[..<end])"
        throw Refusal(
            advice: rest[end...] == "/"
                ? "leave the slash at its end out: `\(origin)`" : "an origin has no path: `\(origin)`")
    }

    private static func split(_ rest: String) -> (host: String, port: String?) {
        let tail =
            rest.hasPrefix("[")
            ? rest.firstIndex(of: "]").map { rest.index(after: $0) } ?? rest.endIndex : rest.startIndex
        guard let colon = rest[tail...].firstIndex(of: ":") else { return (rest, nil) }
        return (String(rest[..<colon]), String(rest[rest.index(after: colon)...]))
    }

    // MARK: - Regular expressions

    private static func regex(_ field: Field, _ text: String, _ findings: inout Findings) -> OriginPattern? {
        let pattern = String(text.dropFirst().drop { $0 == " " })
        let skipped = text.unicodeScalars.count - pattern.unicodeScalars.count
        guard text.hasPrefix("~ "), !pattern.isEmpty else {
            field.reject(
                expected: expected,
                hint: pattern.isEmpty
                    ? "the regular expression is missing"
                    : "a blank stands between `~` and a regular expression: `~ \(pattern)`", &findings)
            return nil
        }
        do throws(RegularExpressionError) {
            let regex = try RegularExpression(pattern)
            if strangers.contains(where: { regex.matchesWhole(Array($0.utf8).span) }) {
                findings.error(
                    "`\(text)` allows the origins of strangers, such as `\(strangers.first { regex.matchesWhole(Array($0.utf8).span) } ?? "")`; "
                        + "name a domain of your own, or write `\"*\"` alone to allow every origin", at: field.position)
                return nil
            }
            if let offset = bareDot(in: pattern) {
                findings.warning(
                    "`.` stands for any character, so that `\(text)` allows other hosts too; write `\\.` for a dot",
                    at: findings.position(of: text, offset: skipped + offset, at: field.position))
            }
            return .regex(regex)
        } catch {
            findings.error(
                "`\(field.key.value)`: \(error.message)",
                at: findings.position(of: text, offset: skipped + error.offset, at: field.position))
            return nil
        }
    }

    /// Origins that nobody means to allow.
    private static let strangers = [
        "https://stranger.invalid", "http://stranger.invalid", "https://stranger.invalid:8443", "https://a.b.c.invalid",
        "https://x.com", "https://x.net",
    ]

    /// Where a dot that is not escaped stands between two letters or digits, as in a host's name.
    private static func bareDot(in pattern: String) -> Int? {
        let scalars = Array(pattern.unicodeScalars)
        func isOfName(_ scalar: Unicode.Scalar) -> Bool {
            scalar.properties.isAlphabetic || "0123456789-".unicodeScalars.contains(scalar)
        }
        var isEscaped = false
        var isInClass = false
        for (index, scalar) in scalars.enumerated() {
            defer { isEscaped = scalar == "\\" && !isEscaped }
            guard !isEscaped else { continue }
            if scalar == "[" { isInClass = true }
            if scalar == "]" { isInClass = false }
            guard scalar == ".", !isInClass, index + 1 < scalars.count, isOfName(scalars[index + 1]) else { continue }
            return index
        }
        return nil
    }
}

extension OriginPattern {
    /// As it would be written.
    var words: String {
        switch self {
        case .any: return "\"*\""
        case .exact(let text): return String(decoding: text, as: UTF8.self)
        case .parts(let parts):
            let port =
                switch parts.port {
                case .usual: ""
                case .number(let digits): ":" + String(decoding: digits, as: UTF8.self)
                case .any: ":*"
                }
            return "\"\(String(decoding: parts.scheme, as: UTF8.self))://\(parts.host.words)\(port)\""
        case .regex(let regex): return "\"~ \(regex.text)\""
        }
    }
}
