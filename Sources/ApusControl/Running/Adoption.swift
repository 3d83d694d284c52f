public import ApusConfig

/// What came of a configuration, or a change, that was not refused.
public struct Adoption: Sendable {
    public enum Effect: String, Sendable {
        /// It runs now.
        case adopted
        /// It is what runs already; nobody was bothered.
        case unchanged
        /// It was only tried, and would run.
        case dryRun = "dry_run"
    }

    public var effect: Effect
    /// The revision that runs now; for a dry run, the one that would.
    public var revision: Revision
    /// What changes, in one line.
    public var summary = "nothing changes"
    /// What changes, a line each.
    public var changes: [String] = []
    /// What its author should know about it nevertheless.
    public var warnings: [Diagnostic] = []
    /// What could not be done as it was asked, in words: settings that stay as they were, a state that could not be kept.
    public var notes: [String] = []
}

/// Why a configuration, or a change, was refused. Nothing has changed then.
public enum ConfigurationRefusal: Error, Sendable {
    /// There are mistakes in it: at least one error, and any warnings.
    case invalid([Diagnostic])
    /// It is right, and the workers could not go over to it; in words.
    case notAdopted(String)
    /// Another process has taken over from this one, which ends: what is wanted is to be asked of that one.
    case handedOver
    /// The caller meant another revision than the one that runs.
    case otherRevision(running: Revision)
    /// It could not be read in time; in words.
    case busy(String)
    /// The program was given no configuration file.
    case noFile
    /// There is no revision of that number, or none before the one that runs.
    case noRevision(asked: Int?, kept: [Int])
    case noPool(String, pools: [String])
    case noEndpoint(String, pool: String, endpoints: [String])
    /// The change contradicts what runs, such as an endpoint that is there already; in words.
    case conflict(String)
}

extension ConfigurationRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalid(let diagnostics):
            return DiagnosticExcerpt(diagnostics, bytes: DiagnosticExcerpt.loggedBytes).description
        case .notAdopted(let words), .conflict(let words), .busy(let words): return words
        case .handedOver:
            return "another process has taken over, and this one only finishes what it has in flight; ask that one"
        case .otherRevision(let running):
            return "the configuration has changed meanwhile: revision \(running.number) runs"
        case .noFile:
            return "this program was started without a configuration file, so there is none to read again"
        case .noRevision(let asked?, let kept):
            let known = kept.isEmpty ? "none is kept" : "kept: " + kept.map(String.init).joined(separator: ", ")
            return "there is no revision \(asked); \(known)"
        case .noRevision(nil, _):
            return "there is no revision before the one that runs"
        case .noPool(let name, let pools):
            return "there is no pool `\(name)`; there are: \(pools.joined(separator: ", "))"
        case .noEndpoint(let name, let pool, let endpoints):
            return "the pool `\(pool)` has no endpoint `\(name)`; it has: \(endpoints.joined(separator: ", "))"
        }
    }
}
