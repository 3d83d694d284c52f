import Apus
import ArgumentParser

/// The command line.
struct ApusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "A load balancer for HTTP.",
        discussion: """
            Start with the demo, which needs nothing else:
              apus demo

            Check a configuration, then run it:
              apus check -c apus.yaml
              apus run -c apus.yaml

            Try what it does, before it runs:
              apus explain -c apus.yaml GET https://api.example.com/v1/users
              apus test -c apus.yaml routing-tests.yaml
              apus diff old.yaml new.yaml

            Exit status: 0 ended as asked; 1 the configuration was refused or could not be read, a test failed, \
            something would change (diff), a file is not in the one layout (fmt --check), or a running Apus said no; 2 \
            diff could not compare, since a configuration was refused; 3 an address or another file could not be used, \
            or a running Apus not be reached; 64 the command line was not understood.
            """,
        version: "apus \(Version.current)",
        subcommands: [
            RunCommand.self, CheckCommand.self, SimulateCommand.self, DemoCommand.self, DemoOriginCommand.self,
            FormatCommand.self, ExplainCommand.self, TestCommand.self, DiffCommand.self, SchemaCommand.self,
            StatusCommand.self, CertificatesCommand.self, TopCommand.self, DrainCommand.self, UndrainCommand.self,
            WeightCommand.self,
            ReloadCommand.self, UpgradeCommand.self,
        ])
}

/// The exit statuses of `apus`, beside those of the argument parser (0 and 64).
extension ExitCode {
    /// The configuration was refused.
    static let badConfiguration = ExitCode(1)
    /// Something of the system could not be used: an address, a file.
    static let unavailable = ExitCode(3)
}
