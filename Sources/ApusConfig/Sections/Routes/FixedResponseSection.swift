import ApusModel

/// A route's `respond`: a status, or a mapping.
extension FixedResponse: Keyed {
    static let usual = FixedResponse()

    private static let statuses = Kind.integer(in: Bounds.answeredStatuses)

    static let keys: [SectionKey<FixedResponse>] = [
        SectionKey("status", \.status, statuses, "The response's status."),
        SectionKey(
            "body", .text(), "The response's body.", words: FallbackSection.bodyWords, usually: "none",
            told: { .word(bodyWords($0.body)) }),
        SectionKey("content_type", \.contentType, mediaType, "The body's media type."),
    ]

    static let choices = Shape.either([statuses.shape, shape])

    private static let mediaType = Kind<String>.text("a media type") { $0.headerValue(&$1) }

    /// Nil, with an error in `findings`, when it is wrong.
    static func read(_ field: Field, _ findings: inout Findings) -> FixedResponse? {
        if case .mapping = field.node.content {
            return FixedResponse(field, example: "{ status: 200, body: ok }", &findings)
        }
        if let given = field.node.plainText.flatMap({ Int($0) }), Bounds.answeredStatuses.contains(given) {
            return FixedResponse(status: given)
        }
        let hint = field.node.text.flatMap { Int($0) == nil ? "for a body write `{ body: ... }`" : nil }
        field.reject(
            expected:
                "a status from \(Bounds.answeredStatuses.lowerBound) to \(Bounds.answeredStatuses.upperBound), or a "
                + "mapping such as `{ status: 200, body: ok }`", hint: hint, &findings)
        return nil
    }

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if let field = written["body"] { body = FallbackSection.body(field, status: status, &findings) ?? [] }
    }
}
