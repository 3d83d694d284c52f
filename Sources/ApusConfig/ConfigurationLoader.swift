public import ApusModel

/// Turns the text of a configuration file into a checked snapshot, or into everything that is wrong with it.
///
/// YAML text becomes a `Document` of nodes with positions; one decoder per section reads those into typed sections; a
/// validation pass checks what the sections say about each other and builds the `Snapshot`. No step stops at the first
/// mistake, but for text that is not YAML at all.
public struct ConfigurationLoader: Sendable {
    /// Finds the addresses of a host name, best first; none when it has none. May block.
    public var resolve: @Sendable (String) -> [IPAddress]
    /// How many workers run when the configuration does not say.
    public var defaultWorkers: Int
    /// The balancer's name when the configuration does not say.
    public var defaultNode: String
    /// Makes what session cookies are signed with when the configuration does not say: 32 bytes that nobody can guess.
    public var makeSecret: @Sendable () -> [UInt8]

    public init(
        resolve: @escaping @Sendable (String) -> [IPAddress] = SystemResolver.addresses(of:),
        defaultWorkers: Int = AvailableCores.count, defaultNode: String = HostName.current,
        makeSecret: @escaping @Sendable () -> [UInt8] = RandomSecret.make
    ) {
        self.resolve = resolve
        self.defaultWorkers = defaultWorkers
        self.defaultNode = defaultNode
        self.makeSecret = makeSecret
    }

    /// Loads a configuration from its text; `file` is the name by which diagnostics call it.
    ///
    /// Blocks while host names are resolved.
    public func load(text: String, file: String) throws(ConfigurationErrors) -> LoadedConfiguration {
        var findings = Findings(source: Source(file: file, text: text))
        guard let root = Node(parsing: text, &findings) else { throw ConfigurationErrors(findings.inOrder) }
        findings.hideSecrets(of: root)
        guard let section = RootSection(root, &findings) else { throw ConfigurationErrors(findings.inOrder) }
        var validation = Validation(section, resolve: resolve, makeSecret: makeSecret, findings: findings)
        let snapshot = validation.snapshot(defaultWorkers: defaultWorkers, defaultNode: defaultNode)
        guard let snapshot, !validation.findings.hasErrors else {
            throw ConfigurationErrors(validation.findings.inOrder)
        }
        return LoadedConfiguration(snapshot: snapshot, warnings: validation.findings.inOrder)
    }
}

/// A configuration that can be run, and what its author should know about it nevertheless.
public struct LoadedConfiguration: Sendable {
    public let snapshot: Snapshot
    /// In the order of the file.
    public let warnings: [Diagnostic]
}

/// Everything that is wrong with a configuration, in the order of the file: at least one error, and any warnings.
public struct ConfigurationErrors: Error, Sendable, CustomStringConvertible {
    public let diagnostics: [Diagnostic]

    init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

    /// Every diagnostic with its source line.
    public var description: String { diagnostics.map(\.rendered).joined(separator: "\n") }
}
