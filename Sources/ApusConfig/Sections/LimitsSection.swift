import ApusModel

/// The `limits`, and the attempts that hold for pools which say nothing about them.
struct LimitsSection {
    var limits = Limits()
    var attempts = RetryRules().attempts

    init() {}

    init(_ field: Field, _ findings: inout Findings) {
        guard var section = Section(field, "`limits`", example: "{ body: 10MB }", &findings) else { return }
        if let given = section.take("head")?.size(in: Bounds.headBytes, example: "64KiB", &findings) {
            limits.headBytes = given
            // A target is part of its head: a smaller head brings the default down with it.
            limits.targetBytes = min(limits.targetBytes, given)
        }
        section.read("fields", into: &limits.headFields, in: Bounds.headFields, &findings)
        section.read("response_fields", into: &limits.responseFields, in: Bounds.responseFields, &findings)
        let example = ByteSize.write(limits.targetBytes)
        let targetBounds = Bounds.targetBytes.lowerBound...limits.headBytes
        if let given = section.take("target")?.size(in: targetBounds, example: example, &findings) {
            limits.targetBytes = given
        }
        if let body = section.take("body") { limits.bodyBytes = Self.bodyBytes(body, &findings) }
        section.read("min_rate", into: &limits.minRate, or: "off", &findings, by: Self.rate)
        section.read("connections", into: &limits.connectionsPerListener, in: Bounds.connectionsPerListener, &findings)
        if let given = section.take("buffer_memory")?
            .size(in: Bounds.bufferBytesPerWorker, example: "256MiB", &findings)
        {
            limits.bufferBytesPerWorker = given
        }
        section.read("attempts", into: &attempts, in: Bounds.attempts, &findings)
        section.finish(&findings)
    }

    /// Bytes per second.
    static func rate(_ field: Field, _ findings: inout Findings) -> Int? {
        field.size(in: Bounds.minRates, example: "240B", &findings)
    }

    static func bodyBytes(_ field: Field, _ findings: inout Findings) -> Int? {
        if field.node.plainText == "unlimited" { return nil }
        if field.node.plainText == "0" {
            field.reject(
                expected: "a size such as `10MB`, or `unlimited`",
                hint: "write `0B` to refuse every body, `unlimited` to refuse none", &findings)
            return nil
        }
        var field = field
        field.alternative = "unlimited"
        return field.size(in: 0...Int.max, example: "10MB", &findings)
    }
}
