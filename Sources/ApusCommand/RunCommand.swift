import Apus
import ApusProcess
import ArgumentParser
import Logging

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the load balancer.",
        discussion: """
            Runs until SIGTERM or SIGINT, then accepts no more clients, finishes what is in flight (for the drain \
            timeout at most) and exits with 0. A second signal cuts what is still in flight.

              apus run -c apus.yaml
              kill -TERM $(pidof apus)

              kill -HUP $(pidof apus)     # read the configuration again
              kill -USR1 $(pidof apus)    # open the log files anew
              kill -USR2 $(pidof apus)    # have a new version take over

            What it does is told on standard error; the access log goes where the configuration says.
            """)

    @OptionGroup var file: ConfigurationFile

    /// Everything that needs the process to have one thread comes first; then the balancer runs.
    func run() throws {
        let surroundings = try takeSurroundings()
        do {
            // From here on everything is done with the rights of the user that it names: what they do not suffice for would
            // fail at a reload, too.
            let configuration = try file.loadForItsUser(isRun: true)
            ProcessSetup.prepare()
            LoggingSystem.useStandardError()
            if let warning = warningOfRoot(configuration.snapshot) { Logger(label: "apus").warning("\(warning)") }
            let balancer = LoadBalancer(configuration, path: file.path, surroundings: surroundings) { _ in
                Task {
                    // Until the first probes have been made, that starts too.
                    try? await Task.sleep(for: .seconds(2))
                    CodePages.release()
                }
            }
            try explained(balancer) { try balancer.checkDescriptors() }
            try waiting { try await serve(balancer) }
        } catch {
            surroundings.takeover?.decline(because: complaints)
            throw error
        }
    }

    private func takeSurroundings() throws(ExitCode) -> Surroundings {
        do {
            return try Surroundings.take()
        } catch {
            complain("\(error)")
            throw .unavailable
        }
    }
}

/// Runs the balancer until a signal; an error of the system becomes a message and an exit code.
func serve(_ balancer: LoadBalancer) async throws {
    do {
        try await balancer.runUntilSignalled()
    } catch {
        try explained(balancer) { throw error }
    }
}

/// Does it; an error of the system becomes a message and an exit code.
private func explained(_ balancer: LoadBalancer, _ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as DataPlaneError {
        complain(explanation(of: error, balancer.snapshot))
        throw ExitCode.unavailable
    } catch let error as TooFewDescriptors {
        complain(
            "\(error): raise the limit (`ulimit -n`, or LimitNOFILE= in the unit), to 1024 or more, since each client takes one "
                + "more, and its origin another.")
        throw ExitCode.unavailable
    } catch AdminServerError.bindUnix(let path, let errno) {
        complain(explanation(of: errno, bindingSocket: path))
        throw ExitCode.unavailable
    } catch AdminServerError.bind(let address, let errno) {
        complain(explanation(of: errno, binding: address, as: "the admin server (admin: bind:)"))
        throw ExitCode.unavailable
    }
}
