import Apus
import ArgumentParser
import Logging

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the load balancer.",
        discussion: """
            Runs until SIGTERM or SIGINT, then accepts no more clients, finishes what is in flight (for the drain \
            timeout at most) and exits with 0. A second signal cuts what is still in flight.

              apus run -c apus.yaml
              kill -TERM $(pidof apus)

            What it does is told on standard error; the access log goes where the configuration says.
            """)

    @OptionGroup var file: ConfigurationFile

    func run() async throws {
        let snapshot = try file.load()
        ProcessSetup.prepare()
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        try await serve(LoadBalancer(snapshot) { _ in CodePages.release() })
    }
}

/// Runs the balancer until a signal; an error of the system becomes a message and an exit code.
func serve(_ balancer: LoadBalancer) async throws {
    do {
        try await balancer.runUntilSignalled()
    } catch let error as DataPlaneError {
        complain(explanation(of: error, balancer.snapshot))
        throw ExitCode.unavailable
    } catch AdminServerError.bind(let address, let errno) {
        complain(explanation(of: errno, binding: address, as: "the admin server (admin: bind:)"))
        throw ExitCode.unavailable
    }
}
