import Apus
import ArgumentParser

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration without running it.",
        discussion: """
            Prints everything that is wrong with the file, each with its line and column.

              apus check -c apus.yaml

            Exit status: 0 when it can be run, 1 when it was refused.
            """)

    @OptionGroup var file: ConfigurationFile

    func run() throws {
        let snapshot = try file.load()
        let parts = [
            counted(snapshot.listeners.count, "listener"), counted(snapshot.routes.count, "route"),
            counted(snapshot.pools.count, "pool"), counted(snapshot.endpoints.count, "endpoint"),
        ]
        print("\(file.path): ok: \(parts.joined(separator: ", "))")
    }
}
