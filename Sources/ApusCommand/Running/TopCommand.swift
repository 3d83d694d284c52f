import Apus
import ApusAdminClient
import ArgumentParser
import Foundation
import Synchronization

struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top",
        abstract: "Watch what happens in a running Apus.",
        discussion: """
            Requests a second, latencies and connections of the last second, by listener, route, pool and endpoint, \
            the busiest first. `q` ends it. Where the output is no terminal, everything is printed once.

              apus top
              apus top --interval 5
              apus top | head -20

            Exit status: 0; 1 when Apus refused to answer; 3 when it could not be reached.
            """)

    @OptionGroup var admin: AdminOptions

    @Option(help: "Seconds between two looks.")
    var interval: Double = 1

    func validate() throws {
        guard (0.1...3_600).contains(interval) else { throw ValidationError("the interval is 0.1 to 3600 seconds") }
    }

    func run() async throws {
        let client = try admin.client(for: .metrics)
        do throws(AdminClientError) {
            let before = try await look(client)
            if let terminal = Terminal() {
                try await watch(client, from: before, on: terminal)
            } else {
                try? await Task.sleep(for: .seconds(interval))
                for line in screen(client, from: before, to: try await look(client)).lines(width: 200) { print(line) }
            }
        } catch {
            // Only now: what is printed while the screen is taken is lost.
            complain("\(error)")
            throw error.isRefusal ? ExitCode.refused : ExitCode.unavailable
        }
    }

    private func watch(
        _ client: AdminClient, from first: Traffic, on terminal: Terminal
    ) async throws(AdminClientError) {
        try await terminal.occupied { () async throws(AdminClientError) in
            var before: Traffic?
            var now = first
            while true {
                let screen = screen(client, from: before, to: now)
                let next = ContinuousClock.now + .seconds(interval)
                var happening: Terminal.Happening
                repeat {
                    let size = terminal.size
                    terminal.draw(screen.lines(width: size.columns, height: size.rows))
                    happening = await terminal.wait(until: next)
                } while happening == .otherSize
                if happening == .end { return }
                before = now
                now = try await look(client)
            }
        }
    }

    private func screen(_ client: AdminClient, from before: Traffic?, to now: Traffic) -> TopScreen {
        TopScreen(from: before, to: now, at: client.address, wallClock: Date().timeIntervalSince1970)
    }

    private func look(_ client: AdminClient) async throws(AdminClientError) -> Traffic {
        let answer = try await client.ask(AdminRequest("GET", "/metrics"))
        return Traffic(Exposition(answer.body), time: ProcessInfo.processInfo.systemUptime)
    }
}
