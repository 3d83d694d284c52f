import ApusConfig
import ApusModel

/// What would change if a configuration took over from the one that runs.
struct ConfigurationComparison: Sendable {
    /// What it was compared with.
    var revision: Revision
    var changes: ConfigurationChanges
    /// What its author should know about it nevertheless.
    var warnings: [Diagnostic]
    /// What was changed while running, and would be dropped; in words.
    var notes: [String]
}

extension RunningConfiguration {
    /// Compares files that somebody sends, the main one first, with the configuration that runs.
    ///
    /// They are read as if they stood where the running one's do: what lies beside the sender's main file counts for what
    /// lies beside the running one. Includes are among them; variables, secret files and host names are this process's, as
    /// they would be at a reload; but only those that what runs uses too (`ReachLimit`). What was changed while running is left out on both sides. Nothing changes.
    ///
    /// - Throws: `ConfigurationRefusal.invalid`, with the paths that the sender gave.
    func compare(with files: [ConfigurationFile]) async throws(ConfigurationRefusal) -> ConfigurationComparison {
        guard !hasSuccessor else { throw .handedOver }
        let placed = PlacedFiles(files, main: path ?? "configuration")
        let next: LoadedConfiguration
        do {
            next = try await read(.caller, isForComparing: true) { loader throws(ConfigurationErrors) in
                try loader.reading(placed.files).load(path: placed.main)
            }
        } catch .invalid(let diagnostics) {
            throw .invalid(diagnostics.map(placed.asSent))
        }
        var dynamic = dynamic
        let changes = ConfigurationChanges(from: loaded.snapshot, to: next.snapshot)
        let mask = loaded.variables.joined(with: next.variables)
        return ConfigurationComparison(
            revision: revision, changes: changes.masked(by: mask),
            warnings: next.newsworthyWarnings.map(placed.asSent),
            notes: dynamic.reconcile(with: next.snapshot.keepingWhatIsFixed(of: loaded.snapshot).snapshot).map(
                mask.masked))
    }
}

/// Files as they would stand in place of the running ones.
struct PlacedFiles {
    let main: String
    let files: [ConfigurationFile]
    /// What the sender calls them.
    private let names: [String: String]

    /// - Parameter main: where the running main file is.
    init(_ sent: [ConfigurationFile], main: String) {
        self.main = main
        let folder = Self.folder(of: main)
        let sentFolder = Self.folder(of: sent.first?.path ?? "")
        files = sent.enumerated().map { index, file in
            guard index > 0 else { return ConfigurationFile(path: main, text: file.text) }
            // An absolute path is one and the same for both; but what lies beside an absolute main file moves with it.
            guard !sentFolder.isEmpty || !file.path.hasPrefix("/") else { return file }
            guard file.path.hasPrefix(sentFolder) else { return file }
            return ConfigurationFile(path: folder + file.path.dropFirst(sentFolder.count), text: file.text)
        }
        names = Dictionary(
            zip(files, sent).map { ($0.path, $1.path) }, uniquingKeysWith: { first, _ in first })
    }

    func asSent(_ diagnostic: Diagnostic) -> Diagnostic {
        var diagnostic = diagnostic
        diagnostic.file = names[diagnostic.file] ?? diagnostic.file
        return diagnostic
    }

    /// With the slash at its end; empty for a name alone.
    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }
}
