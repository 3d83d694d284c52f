import Apus
import ArgumentParser

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration without running it.",
        discussion: """
            Prints everything that is wrong with the file, each with its line and column; or, when nothing is, what it \
            will do: a line for each listener and each pool. Of more than 100 errors, or 100 warnings, the first 100 are \
            printed, and how many more there are. Where root checks a file that names another user for Apus to become \
            (process: { user: apus }), what that user may not read is refused.

              apus check -c apus.yaml
              apus check -c apus.yaml --strict --quiet
              apus check -c apus.yaml --all

            Exit status: 0 when it can be run, 1 when it was refused.
            """)

    @OptionGroup var file: ConfigurationFile

    @Flag(help: "Refuse what gives a warning, too.")
    var strict = false

    @Flag(name: .shortAndLong, help: "Print nothing but what is wrong.")
    var quiet = false

    @Flag(help: "Print all errors and warnings, however many there are.")
    var all = false

    func run() throws {
        let loaded = try file.loadForItsUser(isRun: false, isComplete: all)
        let snapshot = loaded.snapshot
        if strict, !loaded.warnings.isEmpty {
            complain("\(file.path) was refused: \(counted(loaded.warnings.count, "warning")), and --strict was given")
            throw ExitCode.badConfiguration
        }
        guard !quiet else { return }
        let parts = [
            counted(snapshot.listeners.count, "listener"), counted(snapshot.routes.count, "route"),
            counted(snapshot.pools.count, "pool"), counted(snapshot.endpoints.count, "endpoint"),
        ]
        print("\(file.path): ok: \(parts.joined(separator: ", "))")
        for line in ConfigurationDescription(snapshot).lines { print("  \(line)") }
    }
}
