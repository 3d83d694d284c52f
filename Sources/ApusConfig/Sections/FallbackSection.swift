import ApusModel

/// A pool's `fallback`: another pool, not looked up yet, or a response.
enum FallbackSection {
    case pool(Located<String>)
    case response(FallbackResponse)

    /// Statuses whose responses have no body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5).
    private static let bodilessStatuses = [204, 205, 304]

    /// Nil when it is off or wrong.
    init?(_ field: Field, _ findings: inout Findings) {
        let example = "{ status: 503, retry_after: 30s }"
        guard case .section(var section) = Setting(field, word: nil, example: example, &findings) else { return nil }
        let pool = section.take("pool")
        let status = section.take("status")
        let body = section.take("body")
        let others = [section.take("content_type"), section.take("retry_after")]
        section.finish(&findings)
        let written = [status, body] + others
        if let pool {
            for other in written.compactMap(\.self) {
                findings.error(
                    "`\(other.key.value)` belongs to a response, and `pool` sends requests elsewhere; keep one of them",
                    at: other.key.position)
            }
            guard let name = pool.text(expected: "the name of a pool", &findings) else { return nil }
            self = .pool(name)
            return
        }
        guard written.contains(where: { $0 != nil }) else {
            findings.error("`fallback` says nothing; expected \(Self.forms)", at: field.position)
            return nil
        }
        var response = FallbackResponse()
        if let given = status?.integer(in: Bounds.answeredStatuses, &findings) { response.status = given }
        if let given = body.flatMap({ Self.body($0, status: response.status, &findings) }) { response.body = given }
        if let given = others[0]?.headerValue(&findings) { response.contentType = given }
        response.retryAfter = others[1]?.seconds(in: Bounds.retryAfter, &findings)
        self = .response(response)
    }

    private static let forms = "`{ pool: other }` or `{ status: 503, retry_after: 30s }`"

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
}
