/// How the process is run and looked after: everything that is not about requests.
public struct Operations: Sendable, Equatable {
    /// The admin server's listeners; empty for no admin server.
    public var admin: [Admin]
    /// Whom the process becomes once it has bound its listeners, where it was started as root; nil to stay.
    public var user: String?
    /// Nil for the user's own group.
    public var group: String?
    /// Where revisions and changes made while running are kept; nil to keep none.
    public var stateDirectory: String?
    /// Configurations that are kept to go back to.
    public var keptRevisions: Int
    /// How often the configuration's files are looked at for changes; nil for never.
    public var watchInterval: Duration?
    /// How often host names of endpoints are looked up again; nil: only those that have no address.
    public var resolveInterval: Duration? = usualResolveInterval

    public static let usualResolveInterval = Duration.seconds(10)

    public init(
        admin: [Admin] = [], user: String? = nil, group: String? = nil, stateDirectory: String? = nil,
        keptRevisions: Int = 10, watchInterval: Duration? = nil
    ) {
        self.admin = admin
        self.user = user
        self.group = group
        self.stateDirectory = stateDirectory
        self.keptRevisions = keptRevisions
        self.watchInterval = watchInterval
    }
}

/// Bytes that nobody should see: never printed, not even by accident.
public struct Secret: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public let bytes: [UInt8]

    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    public var description: String { "(secret)" }
    public var debugDescription: String { "(secret)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
