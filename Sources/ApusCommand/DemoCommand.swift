import Apus
import ApusAddresses
import ArgumentParser
import Foundation
import Logging

struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run three small origins and a load balancer in front of them.",
        discussion: """
            The origins answer after 2, 10 and 40 ms; the balancer gives the next request to the one with the fewest \
            open ones and asks each second whether they are well. Ctrl-C ends everything.

              apus demo
              apus demo --port 9080 --admin-port 9901 --origin-port 4001
            """)

    @Option(help: "The balancer's port.")
    var port: Int = 8080

    @Option(help: "The port of metrics and readiness.")
    var adminPort: Int = 9900

    @Option(help: "The first origin's port; the others take the next two.")
    var originPort: Int = 3001

    func validate() throws {
        let ports = [port, adminPort, originPort, originPort + 1, originPort + 2]
        if let bad = ports.first(where: { !(1...65_535).contains($0) }) {
            throw ValidationError("port \(bad) is outside 1 to 65535")
        }
        guard Set(ports).count == ports.count else {
            throw ValidationError(
                "the five ports must differ, but they are \(ports.map(String.init).joined(separator: ", "))")
        }
    }

    func run() async throws {
        ProcessSetup.prepare()
        LoggingSystem.useStandardError()
        let origins = [("fast", 2), ("middle", 10), ("slow", 40)].enumerated().map { index, origin in
            DemoOrigin(name: origin.0, port: originPort + index, delay: origin.1)
        }
        defer { for origin in origins { origin.stop() } }
        try start(origins)
        let folder = try privateFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let socket = folder.appending(path: "admin.sock").path
        let welcome = DemoGuide(command: self, origins: origins, socket: socket).welcome
        try await serve(LoadBalancer(snapshot(socket: socket)) { _ in say(welcome) })
        say("Everything has ended.")
    }

    private func start(_ origins: [DemoOrigin]) throws {
        say("Starting three origins on ports \(originPort) to \(originPort + 2).")
        for origin in origins { try origin.start() }
        for origin in origins where !origin.waitUntilListening(ended: DemoGuide.farewell(to: origin)) {
            complain(
                """
                origin \(origin.name) could not start on port \(origin.port), which something else may use. \
                Choose others: apus demo --origin-port \(originPort + 1000)
                """)
            throw ExitCode.unavailable
        }
    }

    /// A folder that is this user's and this process's alone.
    private func privateFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-demo-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        return folder
    }

    /// - Parameter socket: where the balancer can be changed; the admin port is for reading.
    private func snapshot(socket: String) -> Snapshot {
        let local = IPAddress(ipv4: 0x7f00_0001)
        func address(_ port: Int) -> SocketAddress { SocketAddress(ip: local, port: UInt16(port)) }
        let health = HealthCheck(
            probe: .http(path: "/healthz"), interval: .seconds(1), timeout: .milliseconds(500), rise: 2, fall: 2)
        return Snapshot(
            workers: ConfigurationLoader().defaultWorkers,
            listeners: [Listener(name: "\(address(port))", bind: address(port), routes: 0..<1)],
            routes: [Route(name: "*", pool: 0)],
            pools: [Pool(name: "demo", balance: .leastConnections, health: health, endpoints: 0..<3)],
            endpoints: (0..<3).map {
                Endpoint(name: "\(address(originPort + $0))", address: address(originPort + $0), pool: 0)
            },
            operations: Operations(admin: [Admin(bind: .unix(path: socket)), Admin(address(adminPort))]))
    }
}

/// Writes a line to the person who watches the demo.
func say(_ text: String) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
}
