import ApusModel

/// The `limits`, and the attempts that hold for pools which say nothing about them.
struct LimitsSection {
    var limits = Limits()
    var attempts = RetryRules().attempts

    init() {}

    init(_ limits: Limits) { self.limits = limits }
}

extension LimitsSection: Keyed {
    static let usual = LimitsSection()

    static let keys: [SectionKey<LimitsSection>] = [
        SectionKey("head", \.limits.headBytes, Kind.size(in: Bounds.headBytes, example: "64KiB"), "Bytes of a head."),
        SectionKey(
            "fields", \.limits.headFields, Kind.integer(in: Bounds.headFields), "Field lines of a request's head."),
        SectionKey(
            "response_fields", \.limits.responseFields, Kind.integer(in: Bounds.responseFields),
            "Field lines of a response's head."),
        SectionKey(
            "target", .size(Bounds.targetBytes), "Bytes of a request's target.",
            words: "a size, \(ByteSize.write(Bounds.targetBytes.lowerBound)) to `limits.head`",
            told: { .word(ByteSize.write($0.limits.targetBytes)) }),
        SectionKey("body", \.limits.bodyBytes, bodyBytes.or("unlimited"), "Bytes of a request's body."),
        SectionKey("min_rate", \.limits.minRate, rate.or("off"), "Bytes per second that a body makes at least."),
        SectionKey(
            "connections", \.limits.connectionsPerListener, Kind.integer(in: Bounds.connectionsPerListener),
            "Client connections of one listener."),
        SectionKey(
            "requests", \.limits.requestsPerWorker, Kind.integer(in: Bounds.requestsPerWorker),
            "Requests under way at one worker."),
        SectionKey(
            "connection_age", \.limits.connectionAge, Kind.duration().or("unlimited"),
            "How old a client's connection may become."),
        SectionKey(
            "connection_requests", \.limits.connectionRequests,
            Kind.integer(in: Bounds.requestsPerConnection).or("unlimited"), "Requests on one client's connection."),
        SectionKey(
            "buffer_memory", \.limits.bufferBytesPerWorker,
            Kind.size(in: Bounds.bufferBytesPerWorker, example: "256MiB"), "Bytes of buffers of one worker."),
        SectionKey(
            "attempts", \.attempts, Kind.integer(in: Bounds.attempts), "Attempts for one request.",
            usually: "\(RetryRules().attempts)"
        ).told { _ in false },
    ]

    /// Bytes per second.
    static let rate = Kind.size(in: Bounds.minRates, example: "240B").called(
        "a size (per second), \(ByteSize.write(Bounds.minRates.lowerBound)) to \(ByteSize.write(Bounds.minRates.upperBound))"
    )

    /// Any size; a bare 0 could mean both no body and no limit.
    static let bodyBytes = Kind<Int>(
        .size(0...Int.max), told: { .word(ByteSize.write($0)) },
        read: { field, findings in
            if field.node.plainText == "0" {
                var field = field
                field.alternative = nil
                field.reject(
                    expected: "a size such as `10MB`, or `unlimited`",
                    hint: "write `0B` to refuse every body, `unlimited` to refuse none", &findings)
                return nil
            }
            return field.size(in: 0...Int.max, example: "10MB", &findings)
        })

    /// A target is part of its head: a smaller head brings the default down with it.
    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        let usual = min(limits.targetBytes, limits.headBytes)
        let kind = Kind.size(
            in: Bounds.targetBytes.lowerBound...limits.headBytes, example: ByteSize.write(usual))
        limits.targetBytes = written["target"].flatMap { kind.read($0, &findings) } ?? usual
    }
}
