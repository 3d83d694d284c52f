/// How an endpoint is, as a running Apus told it.
public struct EndpointState: Sendable, Equatable {
    public var pool: String
    public var endpoint: String
    /// `healthy`, or why it is not, for people.
    public var words: String
    /// Whether requests may be sent to it.
    public var isAvailable: Bool
    /// As it is now; what was changed while running differs from the file.
    public var weight: Int

    public init(pool: String, endpoint: String, words: String, isAvailable: Bool, weight: Int) {
        self.pool = pool
        self.endpoint = endpoint
        self.words = words
        self.isAvailable = isAvailable
        self.weight = weight
    }
}
