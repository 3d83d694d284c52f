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
        let client = try admin.client()
        let before = try await look(client)
        guard let terminal = Terminal() else {
            try await Task.sleep(for: .seconds(interval))
            let now = try await look(client)
            let screen = TopScreen(from: before, to: now, at: client.address, wallClock: Date().timeIntervalSince1970)
            for line in screen.lines(width: 200) { print(line) }
            return
        }
        try await terminal.occupied { try await watch(client, from: before, on: terminal) }
    }

    private func watch(_ client: AdminClient, from first: Traffic, on terminal: Terminal) async throws {
        var before: Traffic?
        var now = first
        while true {
            let size = terminal.size
            let screen = TopScreen(from: before, to: now, at: client.address, wallClock: Date().timeIntervalSince1970)
            terminal.draw(screen.lines(width: size.columns, height: size.rows))
            if await terminal.waitForEnd(seconds: interval) { return }
            before = now
            now = try await look(client)
        }
    }

    private func look(_ client: AdminClient) async throws(ExitCode) -> Traffic {
        do {
            let answer = try await client.ask(AdminRequest("GET", "/metrics"))
            return Traffic(Exposition(answer.body), time: ProcessInfo.processInfo.systemUptime)
        } catch {
            complain("\(error)")
            throw error.isRefusal ? .refused : .unavailable
        }
    }
}
