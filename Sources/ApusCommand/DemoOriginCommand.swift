import Apus
import ArgumentParser
import Foundation
import Hummingbird
import Logging
import UnixSignals

/// One origin of the demo: a server that answers its name after a delay.
struct DemoOriginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo-origin", abstract: "Run one origin of the demo.", shouldDisplay: false)

    @Option(help: "The port to listen on, at 127.0.0.1.")
    var port: Int

    @Option(help: "The name it answers with.")
    var name: String

    @Option(help: "Milliseconds each answer takes.")
    var delay: Int = 0

    @Flag(help: "Leave Ctrl-C to the parent, and end when standard input ends.")
    var child = false

    func run() async throws {
        if child {
            ProcessSetup.ignoreInterrupts()
            endWithParent()
        }
        let process = ProcessInfo.processInfo.processIdentifier
        let router = Router()
        router.get("/healthz") { _, _ in "ok\n" }
        // Two patterns, since that of any path does not cover the root.
        for path in ["/", "/**"] as [RouterPath] {
            router.get(path) { [name, delay] _, _ in
                try await Task.sleep(for: .milliseconds(delay))
                return "origin \(name), pid \(process), takes \(delay) ms\n"
            }
        }
        var logger = Logger(label: "demo-origin")
        logger.logLevel = .error
        let server = Application(
            router: router,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { [child] _ in
                // The parent waits for a first line; a person is told as well.
                FileHandle.standardOutput.write(Data((child ? "listening\n" : "origin \(name) listens\n").utf8))
            },
            logger: logger)
        do {
            try await server.runService(gracefulShutdownSignals: child ? [.sigterm] : [.sigterm, .sigint])
        } catch {
            // The parent has its own words for it.
            if !child {
                complain("origin \(name) cannot listen on 127.0.0.1:\(port); does something else listen there?")
            }
            throw ExitCode.unavailable
        }
    }

    /// The parent holds the other end of standard input: it ends with the parent, however that ended.
    private func endWithParent() {
        let thread = Thread {
            while !FileHandle.standardInput.availableData.isEmpty {}
            Foundation.exit(0)
        }
        thread.stackSize = 64 << 10
        thread.start()
    }
}
