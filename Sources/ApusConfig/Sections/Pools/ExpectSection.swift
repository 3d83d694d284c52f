import ApusModel

/// What a health check expects.
struct ExpectSection {
    var statuses: [ClosedRange<Int>]?
    var body: Located<String>?
    var reply: String?
    private var isHTTP = true

    private init() {}

    /// What `diff` and `explain` show of a probe that runs.
    init(_ probe: HealthCheck.Probe) {
        switch probe {
        case .none, .tcp: break
        case .http(let probe):
            statuses = probe.statuses
            body = probe.bodyContains.map { Located(value: $0, position: .start) }
        case .tcpExchange(_, let expect): reply = String(decoding: expect, as: UTF8.self)
        }
    }

    /// Nil, with an error in `findings`, when it is not a mapping.
    init?(_ field: Field, isHTTP: Bool, _ findings: inout Findings) {
        self.isHTTP = isHTTP
        let example = isHTTP ? "{ status: 200-299 }" : "{ reply: \"+PONG\" }"
        guard var section = Section(field, "`expect`", example: example, &findings) else { return nil }
        read(&section, of: Located(value: field.key.value, position: field.position), &findings)
    }
}

extension ExpectSection: Keyed {
    static let usual = ExpectSection()

    static let keys: [SectionKey<ExpectSection>] = [
        SectionKey(
            "status", .statuses(Bounds.expectedStatuses), "The statuses of a good answer.",
            words: "a status, a range, or a list of them", usually: statusWords(HTTPProbe(path: "/").statuses),
            told: { $0.statuses.map { .word(statusWords($0)) } }),
        SectionKey(
            "body", .text(), "Text that the body of a good answer contains.", usually: "not looked at",
            told: { $0.body.map { .word($0.value.debugDescription) } }),
        SectionKey(
            "reply", .text(), "How a good answer by TCP begins.", usually: "required with `send`",
            told: { $0.reply.map { .word($0.debugDescription) } }),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let ofHTTP = written.these(["status", "body"])
        let ofTCP = written["reply"]
        if isHTTP {
            statuses = written["status"]?
                .statuses(in: Bounds.expectedStatuses, example: "[200-299, 304]", &findings)
            body = written["body"]?.text(expected: "text that the body contains, such as `ok`", &findings)
            if let ofTCP {
                findings.error(
                    "`reply` belongs to a check by TCP; with `path`, expect a `status` or a `body`",
                    at: ofTCP.key.position)
            } else if ofHTTP.isEmpty {
                findings.error(
                    "`expect` says nothing; add a `status` or a `body`, such as `{ status: 200-299 }`",
                    at: written.position)
            }
            return
        }
        for field in ofHTTP {
            findings.error(
                "`\(field.key.value)` belongs to a check by HTTP; add `path`, or expect a `reply`",
                at: field.key.position)
        }
        reply = ofTCP?.text(expected: "the beginning of a good answer, such as `+PONG`", &findings)?.value
        if ofTCP == nil, ofHTTP.isEmpty {
            findings.error("`expect` says nothing; add a `reply`, such as `{ reply: \"+PONG\" }`", at: written.position)
        }
    }
}
