/// One thing that differs between two configurations, and what that does when the second takes over from the first.
public struct ConfigurationChange: Sendable, Equatable, Codable {
    public enum Kind: String, Sendable, Codable {
        case added, removed, changed
        /// Of routes: tried earlier or later than before.
        case moved
    }

    public enum Subject: String, Sendable, Codable, CaseIterable {
        case listener, route, pool, endpoint, setting
    }

    public var kind: Kind
    public var subject: Subject
    /// What it is: `listener web`, `listener web: route /v1/*`, `pool web: endpoint 10.0.0.1:80`; of settings, the key.
    public var name: String
    /// What is different about it, in the configuration's terms: `weight 1 -> 3`.
    public var details: [String]
    /// What becomes of connections and requests; nil where nothing is to be said.
    public var effect: String?
    /// Whether a reload leaves it as it is, and an upgrade changes it.
    public var needsUpgrade = false

    /// One line.
    public var line: String {
        let told = details.joined(separator: ", ")
        let what =
            switch (kind, subject) {
            case (.changed, .setting): told
            case (.changed, _): "\(name): \(told)"
            default: told.isEmpty ? "\(name) \(kind.rawValue)" : "\(name) \(kind.rawValue), \(told)"
            }
        return effect.map { "\(what); \($0)" } ?? what
    }
}
