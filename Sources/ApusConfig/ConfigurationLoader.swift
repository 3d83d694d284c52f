public import ApusAddresses
public import ApusModel
import FoundationEssentials

/// Turns the text of a configuration file into a checked snapshot, or into everything that is wrong with it.
///
/// YAML text becomes a `Document` of nodes with positions; one decoder per section reads those into typed sections; a
/// validation pass checks what the sections say about each other and builds the `Snapshot`. No step stops at the first
/// mistake, but for text that is not YAML at all.
public struct ConfigurationLoader: Sendable {
    /// Finds the addresses of a host name, best first; none when it has none. May block.
    public var resolve: @Sendable (String) -> [IPAddress]
    /// The addresses of this machine: where it is bound to all, a host name must not lead to the admin server by one of them.
    /// Nil when the system does not say; then it leads there by any.
    public var localAddresses: @Sendable () -> Set<IPAddress>? = LocalAddresses.ofThisMachine
    /// The authorities that the system trusts; nil where there are none.
    public var systemAuthorities: @Sendable () -> Authorities? = SystemAuthorities.current
    /// Seconds since 1970, for what certificates say.
    public var now: @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) }
    /// How many workers run when the configuration does not say.
    public var defaultWorkers: Int
    /// The balancer's name when the configuration does not say.
    public var defaultNode: String
    /// Makes what session cookies are signed with when the configuration does not say: 32 bytes that nobody can guess. The
    /// same at each load, or a reload would end the sessions.
    public var makeSecret: @Sendable () -> [UInt8]

    /// The text of a configuration file: the main one or an included one.
    public var readFile: @Sendable (_ path: String, FileRules) throws -> String
    /// The names of the files in a directory, in any order; for `include` with a `*` in it.
    public var listFiles: @Sendable (_ directory: String) throws -> [String]
    /// The text of a file that holds a secret. Such files are never among `LoadedConfiguration.files`.
    public var readSecret: @Sendable (_ path: String, FileRules) throws -> String
    /// The bytes of a file of certificates or keys: those of keys are overwritten when they have been read.
    public var readBytes: @Sendable (_ path: String, FileRules) throws -> [UInt8] = FileSystem.bytes
    /// The names of the files in a folder of certificates, in any order.
    public var listSecrets: @Sendable (_ directory: String) throws -> [String]
    /// The value of an environment variable; nil when it is not set.
    public var environment: @Sendable (_ name: String) -> String?
    /// What a configuration may use beyond its own text, which somebody has sent; nil for one of this machine's, which may
    /// use what it names.
    public var limit: ReachLimit?
    /// Whether nobody waits for the configuration any more: then it need not be loaded, and reading ends.
    public var isGivenUp: @Sendable () -> Bool = { false }
    /// What runs: where the configuration says the same of routes, or of pools, that half of its snapshot is this one's.
    public var running: Snapshot?
    /// Whether the running certificate of a file stays in use where the file's has ended, and the running one has not: for what is
    /// loaded because files have changed, and nobody has looked.
    public var keepsPairsThatHold = false
    /// How long names of endpoints are looked up altogether, and not at all with none: a start must not wait for each of many while the name service is away. Those
    /// that are left have no address for now, and are looked up again at once while Apus runs.
    public var patienceWithNames = Duration.seconds(5)
    /// Takes numbers beyond their bounds: for tests of what refuses them then.
    var ignoresBounds = false
    /// The files that are read from memory instead of the machine; nil when it is the machine's.
    private var memory: Set<String>?

    public init(
        resolve: @escaping @Sendable (String) -> [IPAddress] = SystemResolver.addresses(of:),
        defaultWorkers: Int = AvailableCores.count, defaultNode: String = HostName.current,
        makeSecret: @escaping @Sendable () -> [UInt8] = { RandomSecret.ofThisProcess },
        readFile: @escaping @Sendable (String, FileRules) throws -> String = FileSystem.read,
        listFiles: @escaping @Sendable (String) throws -> [String] = FileSystem.names(in:),
        readSecret: @escaping @Sendable (String, FileRules) throws -> String = FileSystem.read,
        environment: @escaping @Sendable (String) -> String? = Environment.value(of:)
    ) {
        self.resolve = resolve
        self.defaultWorkers = defaultWorkers
        self.defaultNode = defaultNode
        self.makeSecret = makeSecret
        self.readFile = readFile
        self.listFiles = listFiles
        listSecrets = listFiles
        self.readSecret = readSecret
        self.environment = environment
    }

    /// A loader that reads these files instead of the machine's: for configurations that were kept. Secrets are still
    /// read from where they are.
    public func reading(_ files: [ConfigurationFile]) -> ConfigurationLoader {
        var loader = self
        let texts = Dictionary(files.map { ($0.path, $0.text) }, uniquingKeysWith: { first, _ in first })
        loader.memory = Set(texts.keys)
        loader.readFile = { path, _ in
            guard let text = texts[path] else { throw FileSystem.ReadError("there is no such file") }
            return text
        }
        loader.listFiles = { directory in
            files.compactMap { file in
                let (folder, name) = Self.folderAndName(of: file.path)
                return folder == directory ? name : nil
            }
        }
        return loader
    }

    /// `conf/apus.yaml` is `apus.yaml` in `conf`; the folder of a name alone is empty.
    static func folderAndName(of path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return ("", path) }
        let name = String(path[path.index(after: slash)...])
        return (slash == path.startIndex ? "/" : String(path[..<slash]), name)
    }

    /// Loads a configuration from a file and those that it includes.
    ///
    /// Blocks while files are read and host names are resolved.
    public func load(path: String) throws(ConfigurationErrors) -> LoadedConfiguration {
        let text: String
        do throws(any Error) {
            var rules = FileRules.configuration
            rules.isGivenUp = isGivenUp
            text = try readFile(path, rules)
        } catch {
            throw ConfigurationErrors([.unreadable(path, error)])
        }
        return try load(text: text, file: path)
    }

    /// Loads a configuration from its text; `file` is the path by which diagnostics call it, and from which those of
    /// included files and secrets are seen.
    ///
    /// Blocks while files are read and host names are resolved.
    public func load(text: String, file: String) throws(ConfigurationErrors) -> LoadedConfiguration {
        var findings = Findings()
        findings.ignoresBounds = ignoresBounds
        let document = ConfigurationDocument(text: text, file: file, self, &findings)
        guard let root = document.root else { throw ConfigurationErrors(told(findings)) }
        guard let section = RootSection(root, isComplete: document.isComplete, &findings) else {
            throw ConfigurationErrors(told(findings))
        }
        var validation = Validation(section, self, findings: findings)
        let snapshot = validation.snapshot()
        guard let snapshot, !validation.findings.hasErrors else {
            throw ConfigurationErrors(told(validation.findings))
        }
        var loaded = LoadedConfiguration(
            snapshot: snapshot, warnings: told(validation.findings), files: document.files,
            origins: validation.origins, sessionSigners: validation.signers, uses: validation.findings.uses,
            lent: validation.findings.lent, variables: validation.findings.variables, named: validation.named,
            logServer: validation.logServer, lookups: validation.lookups)
        loaded.refused = validation.refused
        loaded.keptPairs = validation.keptPairs
        loaded.localAddresses = localAddresses
        return loaded
    }

    /// The diagnostics, as far as who has sent the configuration may read them: of the main file, which he has sent, and of
    /// what runs.
    func told(_ findings: Findings) -> [Diagnostic] {
        guard let limit else { return findings.inOrder }
        return findings.inOrder { source in
            source.file == findings.sources.first?.file || memory?.contains(source.file) == true
                || limit.mayQuote(source.file, source.text)
        }
    }

    /// Whether files are read from memory, where every include is harmless.
    var readsMemory: Bool { memory != nil }

    /// How a use is allowed; nil when it is not.
    func grant(_ use: ReachUse) -> ReachLimit.Grant? {
        guard let limit else { return .running }
        if case .include = use, readsMemory, limit.lentBefore == nil { return .running }
        return limit.grant(use)
    }

    /// How a file may be read; nil when it may not.
    ///
    /// - Parameter granted: how that was decided already.
    func rules(_ rules: FileRules, for use: ReachUse, _ granted: ReachLimit.Grant? = nil) -> FileRules? {
        var rules = rules
        rules.isGivenUp = isGivenUp
        guard let limit else { return rules }
        if case .include = use, readsMemory { return rules }
        guard let grant = granted ?? limit.grant(use) else { return nil }
        return limit.rules(rules, grant)
    }
}

/// A configuration that can be run, and what its author should know about it nevertheless.
public struct LoadedConfiguration: Sendable {
    public private(set) var snapshot: Snapshot
    /// In the order of the file.
    public let warnings: [Diagnostic]
    /// Each file that was read, the main one first, then the included ones in the order of reading.
    public let files: [ConfigurationFile]
    /// Where the snapshot's listeners, routes, pools and endpoints were written.
    public internal(set) var origins: Origins
    /// What signs session cookies, by index of the pool, for those with cookies of Apus's own: an endpoint that is added
    /// while running gets its token from it.
    public let sessionSigners: [Int: SessionSigner]
    /// What it uses beyond its own texts.
    public let uses: Set<ReachUse>
    /// Those of them that are not the operator's own: a pattern of `admin: { files: ... }` lent them to somebody who sent
    /// this configuration.
    public let lent: Set<ReachUse>
    /// The values of the variables that it uses.
    public let variables: VariableMask
    /// The pools with host names among their endpoints.
    let named: [NamedEndpoints]
    let logServer: NamedServer?
    /// What was found for each name, listeners' and all others'; none for a name that has no address now.
    public let lookups: [String: [IPAddress]]
    /// The names that lead to the admin server, and so nowhere.
    var refused: [OwnEndpoint] = []
    /// Pairs whose files say something else, which is not taken.
    public internal(set) var keptPairs: Set<KeptPair> = []
    /// Those of this machine; nil when the system does not say.
    var localAddresses: @Sendable () -> Set<IPAddress>? = { [] }
    /// Where the admin server listens by a port that the system gave.
    public var adminAddresses: [SocketAddress] = []

    /// A configuration that a program has made by itself says nothing of files.
    public init(
        snapshot: Snapshot, warnings: [Diagnostic] = [], files: [ConfigurationFile] = [],
        origins: Origins = Origins(), sessionSigners: [Int: SessionSigner] = [:], uses: Set<ReachUse> = [],
        lent: Set<ReachUse> = [], variables: VariableMask = VariableMask()
    ) {
        self.init(
            snapshot: snapshot, warnings: warnings, files: files, origins: origins, sessionSigners: sessionSigners,
            uses: uses, lent: lent, variables: variables, named: [], logServer: nil, lookups: [:])
    }

    init(
        snapshot: Snapshot, warnings: [Diagnostic], files: [ConfigurationFile], origins: Origins,
        sessionSigners: [Int: SessionSigner], uses: Set<ReachUse>, lent: Set<ReachUse>, variables: VariableMask,
        named: [NamedEndpoints], logServer: NamedServer?, lookups: [String: [IPAddress]]
    ) {
        self.snapshot = snapshot
        self.warnings = warnings
        self.files = files
        self.origins = origins
        self.sessionSigners = sessionSigners
        self.uses = uses
        self.lent = lent
        self.variables = variables
        self.named = named
        self.logServer = logServer
        self.lookups = lookups
    }

    /// What its author should know at each reload, and where it is read for something else than to check it.
    public var newsworthyWarnings: [Diagnostic] { warnings.filter { !$0.isAdvice } }

    /// The paths that are lent, in order.
    public var lentPaths: [String] { Set(lent.compactMap(\.path)).sorted() }

    /// The same configuration, run as `snapshot`, which has the same pools.
    public func running(as snapshot: Snapshot) -> LoadedConfiguration {
        var next = self
        next.snapshot = snapshot
        return next
    }
}

/// Everything that is wrong with a configuration, in the order of the file: at least one error, and any warnings.
public struct ConfigurationErrors: Error, Sendable, CustomStringConvertible {
    public let diagnostics: [Diagnostic]

    /// The files may be right, and the same files may be taken later: nothing is wrong but what passes.
    public var arePassing: Bool { diagnostics.allSatisfy { $0.severity != .error || $0.isPassing } }

    init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }

    /// The diagnostics with their source lines; of very many the first ones, and how many more there are.
    public var description: String { DiagnosticExcerpt(diagnostics).description }
}
