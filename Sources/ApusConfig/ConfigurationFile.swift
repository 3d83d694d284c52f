/// A file that a configuration was read from.
public struct ConfigurationFile: Sendable, Hashable {
    /// As it was given, or as the file that includes it names it, relative to the same directory.
    public var path: String
    /// As it was read: variables of the environment are not filled in.
    public var text: String

    public init(path: String, text: String) {
        self.path = path
        self.text = text
    }
}
