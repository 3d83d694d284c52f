/// How large a head may be before it is refused.
public struct HeadLimits: Sendable {
    /// Bytes of the whole head, the empty line included.
    public var bytes: Int
    /// Field lines of the head or of a trailer section, at most `FieldTable.capacity`.
    public var fields: Int
    /// Bytes of a request target.
    public var targetBytes: Int

    public init(bytes: Int = 65_536, fields: Int = 100, targetBytes: Int = 8_192) {
        self.bytes = bytes
        self.fields = min(fields, FieldTable.capacity)
        self.targetBytes = targetBytes
    }
}
