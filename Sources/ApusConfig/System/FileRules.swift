/// How far the reading of one file may go: in size, in time, and in kind.
public struct FileRules: Sendable {
    /// Bytes that it may have at most.
    public var bytes: Int
    /// Whether a pipe or a terminal may be read too: what an operator names himself. Devices and sockets never are.
    public var takesStreams: Bool
    /// How long a pipe may say nothing before it is given up.
    public var patience: Duration
    /// Whether nobody waits for the file any more; asked again and again while it is read.
    public var isGivenUp: @Sendable () -> Bool
    /// Given the real path of the file that was opened, says why it may not be read; nil when it may.
    public var refusal: (@Sendable (_ realPath: String) -> String?)?

    public init(
        bytes: Int, takesStreams: Bool = true, patience: Duration = .seconds(5),
        isGivenUp: @escaping @Sendable () -> Bool = { false },
        refusal: (@Sendable (String) -> String?)? = nil
    ) {
        self.bytes = bytes
        self.takesStreams = takesStreams
        self.patience = patience
        self.isGivenUp = isGivenUp
        self.refusal = refusal
    }

    /// For the main file and those that it includes: as much as the admin server takes.
    public static let configuration = FileRules(bytes: 32 << 20)
    /// For files that hold a secret.
    public static let secret = FileRules(bytes: 64 << 10)
    /// For files with certificates: a list of all authorities has a quarter of it.
    public static let certificates = FileRules(bytes: 1 << 20)
}
