import Apus
import ApusAddresses
import Foundation
import Logging
import ServiceLifecycle
import Testing

/// What docs/embedding.md and README.md show to those who embed Apus, as it stands there: it compiles.
///
/// Nothing of it is run; `EmbeddingTests` sees to it that the pages show this and nothing else.
enum EmbeddingExamples {
    static func service(beside database: any Service) async throws {
        let logger = Logger(label: "edge")
        let configuration = try ConfigurationLoader().load(path: "edge.yaml")
        let balancer = LoadBalancer(configuration, path: "edge.yaml", logger: logger)
        try await ServiceGroup(services: [database, balancer], logger: logger).run()
    }

    static func inCode(
        listeners: [Listener], routes: [Route], pools: [Pool], endpoints: [Endpoint]
    ) {
        let snapshot = Snapshot(workers: 0, listeners: listeners, routes: routes, pools: pools, endpoints: endpoints)
        for problem in snapshot.problems { print(problem) }
        // workers: expected a whole number from 1 to 1024, found 0
    }

    static func controls(of balancer: LoadBalancer, logger: Logger) async throws {
        let running = try balancer.controls.configuration
        let adoption = try await running.reload(.signal)
        logger.notice("revision \(adoption.revision.number): \(adoption.summary)")
        try balancer.controls.reopenLogs()
    }

    static func operations() -> Operations {
        // Changes by the socket, reading by the address.
        let socket = Admin(bind: .unix(path: "/run/edge/admin.sock"))
        let address = Admin(SocketAddress(ip: IPAddress(ipv4: 0x7f00_0001), port: 9900))
        let operations = Operations(admin: [socket, address])
        return operations
    }

    /// As swift-metrics has it.
    struct Meter {
        init(label: String) {}
        func set(_ value: UInt64) {}
    }

    static func metrics(of balancer: LoadBalancer) async throws {
        let accepted = Meter(label: "edge.connections.accepted")
        while !Task.isCancelled {
            let view = try balancer.controls.view
            let layout = view.snapshot.counterLayout
            accepted.set(view.counters.total(layout.listener(0, .connectionsAccepted)))
            try await Task.sleep(for: .seconds(10))
        }
    }

    struct Edge {
        static func main() async throws {
            let configuration = try ConfigurationLoader().load(
                text: """
                    listeners:
                      - bind: 127.0.0.1:8080
                        routes: [{ pool: web }]
                    pools:
                      web: { endpoints: [127.0.0.1:3001, 127.0.0.1:3002] }
                    """,
                file: "edge.yaml")
            try await LoadBalancer(configuration).runUntilSignalled()
        }
    }
}

@Suite struct EmbeddingTests {
    static func text(of path: String) throws -> String {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        return try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Line by line, however far it is indented; imports and `@main` are of a file alone.
    static func lines(of text: String) -> [String] {
        text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty && !$0.hasPrefix("import ") && $0 != "@main" }
    }

    @Test(arguments: ["docs/embedding.md", "README.md"])
    func theExamplesAreTheOnesAbove(page: String) throws {
        let compiled =
            "\n" + Self.lines(of: try Self.text(of: "Tests/ApusTests/EmbeddingExamples.swift")).joined(separator: "\n")
        let examples = try Self.text(of: page).components(separatedBy: "```swift\n").dropFirst()
            .map { $0.components(separatedBy: "```")[0] }
        #expect(!examples.isEmpty)
        for example in examples {
            #expect(compiled.contains("\n" + Self.lines(of: example).joined(separator: "\n") + "\n"), "\(example)")
        }
    }
}
