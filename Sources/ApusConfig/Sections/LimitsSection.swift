import ApusModel

/// The `limits`, and the attempts that hold for pools which say nothing about them.
struct LimitsSection {
    var limits = Limits()
    var attempts = RetryRules().attempts

    init() {}

    /// A head must fit into the buffer that every worker reads into.
    private static let headBounds = 1024...65_536

    init(_ field: Field, _ findings: inout Findings) {
        guard var section = Section(field, "`limits`", example: "{ body: 10MB }", &findings) else { return }
        if let given = section.take("head")?.size(in: Self.headBounds, example: "64KiB", &findings) {
            limits.headBytes = given
            // A target is part of its head: a smaller head brings the default down with it.
            limits.targetBytes = min(limits.targetBytes, given)
        }
        section.read("fields", into: &limits.headFields, in: 1...100, &findings)
        section.read("response_fields", into: &limits.responseFields, in: 1...256, &findings)
        let example = ByteSize.write(limits.targetBytes)
        if let given = section.take("target")?.size(in: 64...limits.headBytes, example: example, &findings) {
            limits.targetBytes = given
        }
        if let body = section.take("body") { limits.bodyBytes = Self.bodyBytes(body, &findings) }
        section.read("min_rate", into: &limits.minRate, or: "off", &findings, by: Self.rate)
        section.read("connections", into: &limits.connectionsPerListener, in: 1...1_000_000, &findings)
        if let given = section.take("buffer_memory")?.size(in: 1 << 20...1 << 40, example: "256MiB", &findings) {
            limits.bufferBytesPerWorker = given
        }
        section.read("attempts", into: &attempts, in: 1...16, &findings)
        section.finish(&findings)
    }

    /// Bytes per second. Beyond a mebibyte it would cut off whoever has a slow line.
    static func rate(_ field: Field, _ findings: inout Findings) -> Int? {
        field.size(in: 1...1 << 20, example: "240B", &findings)
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
