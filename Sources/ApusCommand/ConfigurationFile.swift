import Apus
import ApusProcess
import ArgumentParser

/// The configuration file that a command was given.
struct ConfigurationFile: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")], help: "The configuration file.",
        completion: .file())
    var path: String

    /// Reads and checks the file with all that it includes, and prints what there is to say about it. Throws an exit code,
    /// its reason printed. Of very much to say the beginning is printed, and how much more there is, unless `isComplete`.
    func load(isComplete: Bool = false) throws(ExitCode) -> LoadedConfiguration {
        try Self.load(path: path, isComplete: isComplete)
    }

    static func load(path: String, isComplete: Bool = false) throws(ExitCode) -> LoadedConfiguration {
        let limit = isComplete ? nil : DiagnosticExcerpt.limit
        do throws(ConfigurationErrors) {
            let loaded = try ConfigurationLoader().load(path: path)
            let warnings = DiagnosticExcerpt(loaded.warnings, limit: limit)
            for line in warnings.shown.map(\.rendered) + [warnings.omission].compactMap(\.self) {
                complain(line, .warning)
            }
            return loaded
        } catch {
            complain(exactly: DiagnosticExcerpt(error.diagnostics, limit: limit).description)
            let count = error.diagnostics.count { $0.severity == .error }
            complain("\(path) was refused: \(counted(count, "error"))")
            throw error.arePassing ? ExitCode.unavailable : ExitCode.badConfiguration
        }
    }
}

/// `1 pool`, `2 pools`.
func counted(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
}
