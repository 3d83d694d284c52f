/// How reloads of the configuration went: what the metrics tell of them.
public struct ReloadFacts: Sendable, Equatable {
    /// Of the configuration in force.
    public var revision: Int
    /// Whether the latest configuration that was offered is in force; true before the first reload.
    public var lastSucceeded: Bool
    /// When that was, in microseconds since 1970: of the start, before the first reload.
    public var lastMicroseconds: Int64
    /// Reloads that took effect.
    public var applied: UInt64
    /// Reloads that were refused, for errors in the configuration or because it could not be carried out.
    public var refused: UInt64

    public init(
        revision: Int, lastSucceeded: Bool = true, lastMicroseconds: Int64, applied: UInt64 = 0, refused: UInt64 = 0
    ) {
        self.revision = revision
        self.lastSucceeded = lastSucceeded
        self.lastMicroseconds = lastMicroseconds
        self.applied = applied
        self.refused = refused
    }
}

extension ReloadFacts {
    func write(to writer: inout ExpositionWriter) {
        writer.family("apus_config_revision", .gauge, "The revision of the configuration in force.")
        writer.sample([:], UInt64(max(0, revision)))
        writer.family(
            "apus_config_last_reload_success", .gauge,
            "1 when the latest configuration that was offered is in force, 0 when it was refused.")
        writer.sample([:], lastSucceeded ? 1 : 0)
        writer.family(
            "apus_config_last_reload_timestamp_seconds", .gauge,
            "When the latest configuration was offered, in seconds since 1970.")
        writer.sample([:], microseconds: UInt64(max(0, lastMicroseconds)))
        writer.family("apus_config_reloads_total", .counter, "Reloads, by how they went.")
        writer.sample(["result": "applied"], applied)
        writer.sample(["result": "refused"], refused)
    }
}
