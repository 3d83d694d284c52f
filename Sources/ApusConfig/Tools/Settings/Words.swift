import ApusModel
import ApusRouting

// What the model's values are called in a configuration.

extension HashRules.Key {
    var words: String {
        switch self {
        case .client: "client"
        case .header(let name): "header \(name)"
        case .cookie(let name): "cookie \(name)"
        case .query(let name): "query \(name)"
        case .path: "path"
        }
    }
}

extension HostPattern {
    var words: String {
        switch self {
        case .any: "*"
        case .exact(let name): String(decoding: name, as: UTF8.self)
        case .suffix(let suffix): "*" + String(decoding: suffix, as: UTF8.self)
        }
    }
}

extension PathPattern {
    var words: String {
        switch self {
        case .any: "/*"
        case .exact(let path): String(decoding: path, as: UTF8.self)
        case .prefix(let path): String(decoding: path, as: UTF8.self) + "/*"
        case .template(let template): template.text
        case .regex(let expression): "~ \(expression.text)"
        }
    }
}

extension ValueCondition {
    /// `acme`, `{ prefix: 2. }`, `{ present: false }`, `{ not: x }`.
    var words: String {
        switch test {
        case .present: isNegated ? "{ present: false }" : "{ present: true }"
        case .exact(let value):
            isNegated ? "{ not: \(text(value)) }" : text(value)
        case .prefix(let value): isNegated ? "{ not: { prefix: \(text(value)) } }" : "{ prefix: \(text(value)) }"
        case .regex(let expression):
            isNegated ? "{ not: { regex: \(expression.text) } }" : "{ regex: \(expression.text) }"
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension Split {
    /// `web`, or `{ web: 95, web-next: 5 }`.
    func words(of snapshot: Snapshot) -> String {
        if pools.count == 1, let only = pools.first { return snapshot.pools[only.pool].name }
        return "{ " + pools.map { "\(snapshot.pools[$0.pool].name): \($0.weight)" }.joined(separator: ", ") + " }"
    }
}

extension PathRewrite {
    var words: (key: String, value: String) {
        switch self {
        case .prefix(let prefix): prefix == [UInt8(ascii: "/")] ? ("strip_prefix", "true") : ("prefix", text(prefix))
        case .template(let template): ("path", template.words)
        }
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension TextTemplate {
    /// As it would be written: `https://{host}{path}`.
    var words: String {
        pieces.map { piece in
            switch piece {
            case .literal(let bytes): String(decoding: bytes, as: UTF8.self).replacing("{", with: "{{")
            case .variable(let variable): "{\(variable.word)}"
            }
        }.joined()
    }
}

extension TextTemplate.Variable {
    var word: String {
        switch self {
        case .scheme: "scheme"
        case .host: "host"
        case .path: "path"
        case .query: "query"
        case .method: "method"
        case .client: "client"
        case .rest: "rest"
        case .capture(let name): name
        }
    }
}

/// `502-503, 504`; `none` when there are none.
func statusWords(_ ranges: [ClosedRange<Int>]) -> String {
    if ranges.isEmpty { return "none" }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        .joined(separator: ", ")
}

/// Numbers that follow each other become one range.
func ranges(_ numbers: [Int]) -> [ClosedRange<Int>] {
    var ranges: [ClosedRange<Int>] = []
    for number in numbers.sorted() {
        if let last = ranges.last, number <= last.upperBound + 1 {
            ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, number)
        } else {
            ranges.append(number...number)
        }
    }
    return ranges
}

/// A body in short: itself when it is a short line, or else how it begins, its length and what tells it from others.
func bodyWords(_ body: [UInt8]) -> String {
    if body.isEmpty { return "none" }
    let text = String(decoding: body, as: UTF8.self)
    if text.count <= 60, !text.contains(where: \.isNewline) { return text.debugDescription }
    let beginning = String(text.prefix(40).prefix { !$0.isNewline })
    let sum = body.reduce(into: 0x811c_9dc5 as UInt32) { $0 = ($0 ^ UInt32($1)) &* 0x0100_0193 }
    return "\(beginning.debugDescription)... (\(body.count) bytes, checksum \(String(sum, radix: 16)))"
}

/// Whether a field, parameter or cookie of that name tends to hold what lets somebody in.
func isSensitive(fieldName: String) -> Bool {
    // Origins in many languages read `X_Api_Key` and `X.Api.Key` as `X-Api-Key`.
    let name = fieldName.lowercased().filter { !"-_.".contains($0) }
    let bare = name.hasPrefix("x") ? String(name.dropFirst()) : name
    return sensitiveNames.contains(name) || sensitiveNames.contains(bare)
        || sensitiveParts.contains { name.contains($0) }
}

private let sensitiveParts = [
    "authorization", "cookie", "token", "secret", "password", "passwd", "apikey", "credential", "sessid", "sessionid",
    "signature", "authkey", "accesskey", "accountkey", "privatekey", "passphrase", "csrf", "samlresponse",
]

/// Short names that are parts of others, which mean something else.
private let sensitiveNames: Set<String> = [
    "sid", "sig", "session", "connectsid", "jwt", "auth", "pwd", "pass", "otp", "hmac", "bearer", "assertion", "sas",
    "rememberme",
]

/// `target` with what stands behind the sensitive names of its query replaced, each character by a star.
func concealingQuery(_ target: String) -> String {
    guard target.contains("?") else { return target }
    return target.replacing(/([?&;])([^?&;=\s"']+)=([^&;#\s"']*)/) { match in
        let name = String(match.output.2).replacing(/%([0-7][0-9A-Fa-f])/) { escape in
            UInt8(escape.output.1, radix: 16).map { String(UnicodeScalar($0)) } ?? ""
        }
        guard isSensitive(fieldName: name) else { return String(match.output.0) }
        let stars = String(repeating: "*", count: match.output.3.unicodeScalars.count)
        return "\(match.output.1)\(match.output.2)=\(stars)"
    }
}
