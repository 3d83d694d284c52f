public import ApusModel

/// How far a configuration reaches that somebody has sent: to what the running one uses, for the same purpose, and to the
/// files that the process's own file allows.
///
/// The right to send a configuration is not the right to read the machine's files. So a path is refused by its name alone:
/// the answer does not tell whether the file exists.
public struct ReachLimit: Sendable {
    /// What the running configuration uses, and of that, what it may use only as a pattern allows it.
    private let running: Set<ReachUse>
    private let lent: Set<ReachUse>
    /// What `admin: { files: ... }` allows.
    let patterns: [FilePattern]
    /// The running configuration's files as they were read, by path. Their lines may be quoted.
    private let texts: [String: String]
    /// Where no log may be written: beside configurations, secrets and the state.
    private let guarded: Set<String>

    /// Whether it is only compared with what runs: nothing is written then, and no secret is read that is not in use.
    public var isForComparing = false

    /// For a configuration that ran before: the paths that a pattern lent it. It may use all else that it names.
    public var lentBefore: Set<String>?

    /// How a use was allowed.
    enum Grant {
        /// It is the operator's own.
        case running
        /// A pattern of `admin: { files: ... }` lends it: never beyond where the pattern leads, however often it is loaded.
        case pattern
    }

    /// - Parameters:
    ///   - main: the main file; nil where there is none.
    public init(_ running: LoadedConfiguration, main: String?, patterns: [FilePattern]) {
        self.running = running.uses
        lent = running.lent
        self.patterns = patterns
        texts = Dictionary(running.files.map { ($0.path, $0.text) }, uniquingKeysWith: { first, _ in first })
        var guarded: Set<String> = []
        for path in running.files.map(\.path) + [main].compactMap(\.self) {
            guarded.insert(ReachUse.parts(ReachUse.absolute(path)).directory)
        }
        for use in running.uses {
            switch use {
            case .include(let path), .secret(let path, _): guarded.insert(ReachUse.parts(path).directory)
            case .log, .variable: break
            }
        }
        if let state = running.snapshot.operations.stateDirectory { guarded.insert(ReachUse.absolute(state)) }
        self.guarded = guarded
    }

    /// Whether both allow the same; what they quote may differ.
    public func allowsTheSame(as other: ReachLimit) -> Bool {
        running == other.running && lent == other.lent && patterns == other.patterns && guarded == other.guarded
    }

    /// Nil when it is refused.
    func grant(_ use: ReachUse) -> Grant? {
        if let lentBefore { return use.path.map(lentBefore.contains) == true ? .pattern : .running }
        if running.contains(use), !lent.contains(use) { return .running }
        if isForComparing, case .log = use { return .running }
        guard let path = use.path, patterns.contains(where: { $0.matches(path) }) else { return nil }
        return .pattern
    }

    /// Whether the files of a directory may be looked for.
    func listsFiles(of directory: String) -> Bool {
        let directory = ReachUse.absolute(directory)
        let fitting = patterns.filter { $0.matches(directory: directory) }
        guard !fitting.isEmpty, let real = FileSystem.realPath(of: directory) else { return false }
        return fitting.contains { $0.matches(realDirectory: real) }
    }

    /// Whether a file's lines may be quoted: it is the running configuration's, as it was read then.
    func mayQuote(_ path: String, _ text: String) -> Bool { texts[path] == text }

    /// The rules for a file that was granted.
    func rules(_ rules: FileRules, _ grant: Grant) -> FileRules {
        var rules = rules
        if lentBefore == nil || grant == .pattern { rules.takesStreams = false }
        guard grant == .pattern else { return rules }
        rules.refusal = { [patterns] real in
            patterns.contains { $0.matches(real: real) }
                ? nil : "it is a link that leads out of what `admin: { files: ... }` allows"
        }
        return rules
    }

    /// Why a log that a pattern allows must not be written there nevertheless; nil when it may.
    ///
    /// What somebody may have written as a log must never be read as a configuration or a secret.
    func refusalOfLog(at path: String) -> String? {
        let (directory, name) = ReachUse.parts(path)
        guard let real = FileSystem.realPath(of: directory.isEmpty ? "/" : directory),
            patterns.contains(where: { $0.matches(real: "\(real)/\(name)") })
        else { return "its directory does not lie where `admin: { files: ... }` allows it" }
        let isGuarded = guarded.contains { other in
            other == directory || FileSystem.realPath(of: other) == real
        }
        if isGuarded { return "configurations, secrets or the state are kept beside it; name another directory" }
        switch FileSystem.kind(ofEntry: path) {
        case nil, .regular, .socket: return nil
        default: return "it is not a regular file"
        }
    }
}

extension ReachUse {
    /// Why it is refused, and what to do: the same whether or not there is such a file or variable.
    var refusal: String {
        let origin = "a configuration that comes over the admin API"
        let advice = "or allow it in the process's own file: `admin: { files: [\(path ?? "")] }`"
        switch self {
        case .include(let path):
            return "\(Node.quoted(path, by: "`")) may not be included: \(origin) may include only what the running "
                + "configuration includes; write what it says in its place, \(advice)"
        case .secret(let path, _):
            return "\(Node.quoted(path, by: "`")) may not be read: \(origin) may take a secret only from a file that "
                + "the running configuration has for the same key; add it to the process's own file and reload, \(advice)"
        case .log(let path):
            return "\(Node.quoted(path, by: "`")) may not be written: \(origin) may log only to where the running "
                + "configuration does; write `stdout`, \(advice)"
        case .variable(let name, let place, _):
            return "the variable `\(name)` may not be used here: \(origin) may use only variables that the running "
                + "configuration uses at the same place (`\(place)`), and in the very same text; write the value itself, "
                + "or add it to the process's own file and reload"
        }
    }
}
