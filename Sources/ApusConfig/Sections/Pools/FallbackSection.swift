import ApusModel

/// A pool's `fallback`: another pool, not looked up yet, or a response.
enum FallbackSection {
    case pool(Located<String>)
    case response(FallbackResponse)

    /// Statuses whose responses have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
    private static let bodilessStatuses = [204, 205, 304]

    private static let example = "{ status: 503, retry_after: 30s }"
    private static let forms = "`{ pool: other }` or `\(example)`"

    /// Nil when it is off or wrong.
    static let kind = Kind<FallbackSection?>(
        shape.or("off"), told: { $0.map { .section(Settings($0)) } ?? .word("off") },
        read: { field, findings in
            switch Setting(field, word: nil, example: example, &findings) {
            case nil, .on: return nil
            case .off: return .some(nil)
            case .section(var section):
                var fallback = usual
                fallback.read(&section, of: Located(value: field.key.value, position: field.position), &findings)
                return .some(fallback)
            }
        })

    /// The text of a response's body; nil, with an error, when it is none or too much.
    static func body(_ field: Field, status: Int, _ findings: inout Findings) -> [UInt8]? {
        if field.node.isUnknown { return nil }
        guard let text = field.node.text, text.utf8.count <= Bounds.answeredBodyBytes else {
            findings.error(
                "`body`: expected text of at most \(ByteSize.write(Bounds.answeredBodyBytes))"
                    + (field.node.text.map { ", found \($0.utf8.count) bytes" } ?? ", found \(field.node.described)"),
                at: field.position)
            return nil
        }
        if bodilessStatuses.contains(status), !text.isEmpty {
            findings.error("a response with status \(status) has no body; remove it", at: field.key.position)
        }
        return Array(text.utf8)
    }

    static let bodyWords = "text, up to \(ByteSize.write(Bounds.answeredBodyBytes))"

    private var response: FallbackResponse? { if case .response(let response) = self { response } else { nil } }
}

extension FallbackSection: Keyed {
    static let usual = FallbackSection.response(FallbackResponse())

    private static let status = Kind.integer(in: Bounds.answeredStatuses)
    private static let retryAfter = Kind.seconds(in: Bounds.retryAfter)

    static let keys: [SectionKey<FallbackSection>] = [
        SectionKey(
            "pool", .named(.name), "Another pool.", words: "the name of a pool", usually: "this or a response",
            told: { if case .pool(let name) = $0 { .word(name.value) } else { nil } }),
        SectionKey(
            "status", status.shape, "The response's status.",
            told: { $0.response.flatMap { status.told($0.status) } }),
        SectionKey(
            "content_type", .text(), "The body's media type.", words: "a media type",
            told: { $0.response.map { .word($0.contentType) } }),
        SectionKey(
            "body", .text(), "The response's body.", words: bodyWords,
            told: { $0.response.map { .word(ApusConfig.bodyWords($0.body)) } }),
        SectionKey(
            "retry_after", retryAfter.shape, "When clients may come again, in whole seconds.", words: retryAfter.words,
            told: { $0.response?.retryAfter.flatMap(retryAfter.told) }),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let ofResponse = written.these(["status", "body", "content_type", "retry_after"])
        if let pool = written["pool"] {
            for other in ofResponse {
                findings.error(
                    "`\(other.key.value)` belongs to a response, and `pool` sends requests elsewhere; keep one of them",
                    at: other.key.position)
            }
            if let name = pool.text(expected: "the name of a pool", &findings) { self = .pool(name) }
            return
        }
        if ofResponse.isEmpty {
            findings.error("`fallback` says nothing; expected \(Self.forms)", at: written.position)
        }
        var response = FallbackResponse()
        if let given = written["status"].flatMap({ Self.status.read($0, &findings) }) { response.status = given }
        if let given = written["body"].flatMap({ Self.body($0, status: response.status, &findings) }) {
            response.body = given
        }
        if let given = written["content_type"]?.headerValue(&findings) { response.contentType = given }
        response.retryAfter = written["retry_after"].flatMap { Self.retryAfter.read($0, &findings) }
        self = .response(response)
    }
}
