import Apus
import ArgumentParser
import Foundation

struct DiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Tell what a reload would change.",
        discussion: """
            Compares what two configurations do, not how they are written: listeners, routes, pools, endpoints and rules, \
            each change in the configuration's own words, and what becomes of connections. What a reload cannot change \
            is marked so. Secrets are compared and never shown.

              apus diff old.yaml new.yaml

            Exit status: 0 when nothing would change, 1 when something would, 2 when a configuration was refused.
            """)

    @Argument(help: "The configuration that runs.", completion: .file())
    var old: String

    @Argument(help: "The configuration that is to take over.", completion: .file())
    var new: String

    @Flag(help: "Print it as JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print nothing: the exit status says it.")
    var quiet = false

    func run() throws {
        let changes = ConfigurationChanges(from: try load(old), to: try load(new))
        if json {
            print(try encoded(Answer(changes)), terminator: "")
        } else if !quiet {
            for line in changes.lines { print(line) }
            print(changes.isEmpty ? "nothing would change" : "in short: \(changes.summary)")
        }
        if !changes.isEmpty { throw ExitCode.differs }
    }

    private func load(_ path: String) throws(ExitCode) -> Snapshot {
        do throws(ConfigurationErrors) {
            return try ConfigurationLoader().load(path: path).snapshot
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            complain("\(path) was refused, so that it cannot be compared")
            throw .troubled
        }
    }

    private struct Answer: Encodable {
        let summary: String
        let changes: [ConfigurationChange]

        init(_ changes: ConfigurationChanges) {
            summary = changes.summary
            self.changes = changes.changes
        }
    }
}

extension ExitCode {
    /// Two configurations are not the same.
    static let differs = ExitCode(1)
    /// Of `diff`, whose 1 says something else: a configuration was refused.
    static let troubled = ExitCode(2)
    /// A test of a configuration failed.
    static let testsFailed = ExitCode(1)
}
