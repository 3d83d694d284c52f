/// Where each thing of a snapshot was written, by its index there.
public struct Origins: Sendable, Hashable {
    /// A place in one of the configuration's files.
    public struct Place: Sendable, Hashable, CustomStringConvertible {
        public var file: String
        public var position: SourcePosition

        public init(file: String, position: SourcePosition) {
            self.file = file
            self.position = position
        }

        /// `file:line:column`.
        public var description: String { "\(file):\(position)" }
    }

    public var listeners: [Place] = []
    /// Of the route that a listener without `routes` has: the listener's.
    public var routes: [Place] = []
    public var pools: [Place] = []
    public var endpoints: [Place] = []

    public init() {}
}
