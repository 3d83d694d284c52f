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
    /// its reason printed.
    func load() throws(ExitCode) -> LoadedConfiguration { try Self.load(path: path) }

    static func load(path: String) throws(ExitCode) -> LoadedConfiguration {
        do throws(ConfigurationErrors) {
            let loaded = try ConfigurationLoader().load(path: path)
            for warning in loaded.warnings { complain(warning.rendered, .warning) }
            return loaded
        } catch {
            complain(exactly: "\(error)")
            let count = error.diagnostics.count { $0.severity == .error }
            complain("\(path) was refused: \(counted(count, "error"))")
            throw .badConfiguration
        }
    }
}

/// `1 pool`, `2 pools`.
func counted(_ number: Int, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
}
