import ApusAddresses
import ApusModel
import ApusTestKit
import Foundation

/// The built `apus` with a configuration, as a process of its own: data plane, prober and admin server.
final class Balancer: Sendable {
    /// A place where it accepts clients.
    let address: SocketAddress
    let admin: SocketAddress
    private let process: ChildProcess
    private let namespace: Namespace?
    private let file: TemporaryFile

    /// - Parameters:
    ///   - pool: what the configuration says about its only pool, `web`, besides the endpoints: lines of YAML.
    ///   - more: what it says besides: lines of YAML.
    ///   - descriptors: how many it may have open; nil for as many as this process.
    init(
        before endpoints: [SocketAddress], pool: String, more: String = "", workers: Int = 2,
        in namespace: Namespace? = nil, descriptors: Int? = nil
    ) throws {
        let text = """
            workers: \(workers)
            listeners:
              - bind: 127.0.0.1:0
            admin: { bind: 127.0.0.1:0 }
            pools:
              web:
                endpoints: [\(endpoints.map { "\"\($0)\"" }.joined(separator: ", "))]
            \(pool.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))
            \(more)
            """
        file = try TemporaryFile(text)
        let program = try builtProgram("apus")
        let arguments = ["run", "-c", file.url.path]
        process =
            if let namespace {
                try ChildProcess("ip", ["netns", "exec", namespace.name, program] + arguments)
            } else if let descriptors {
                try ChildProcess("sh", ["-c", "ulimit -n \(descriptors); exec \"$@\"", "sh", program] + arguments)
            } else {
                try ChildProcess(program, arguments)
            }
        self.namespace = namespace
        address = try process.wait(for: "where it listens") { Self.address(behind: "listening on ", in: $0.text) }
        admin = try process.wait(for: "where its admin server is") {
            Self.address(behind: "admin server at http://", in: $0.text)
        }
        // Each endpoint's first round of probes, if it is probed: what follows is told of as changes.
        try eventually("every endpoint to be up") { try metrics().values("apus_endpoint_up").allSatisfy { $0 == 1 } }
    }

    deinit {
        process.kill()
    }

    private static func address(behind words: String, in line: String) -> SocketAddress? {
        guard let start = line.range(of: words)?.upperBound else { return nil }
        return SocketAddress(String(line[start...].prefix { $0 != "/" && $0 != " " }))
    }

    // MARK: What it says

    /// What it has logged about the endpoint at `address`, in order; nil: about all.
    func log(of address: SocketAddress?) -> [ChildProcess.Line] {
        guard let address else { return process.lines }
        let name = "endpoint web/\(address)"
        return process.lines.filter { $0.text.contains(name + " ") || $0.text.contains(name + ":") }
    }

    /// When it first logged, after `start`, a line about the endpoint that contains `words`.
    func time(
        of address: SocketAddress?, _ words: String, after start: ContinuousClock.Instant
    ) -> ContinuousClock.Instant? {
        log(of: address).first { $0.time >= start && $0.text.contains(words) }?.time
    }

    /// Waits until it has logged, after `start`, a line about the endpoint that contains `words`; returns how long after.
    func wait(
        until address: SocketAddress?, _ words: String, after start: ContinuousClock.Instant,
        by deadline: Deadline = .after(.seconds(20))
    ) throws -> Duration {
        do {
            try eventually("`\(words)` in the log", by: deadline) { time(of: address, words, after: start) != nil }
        } catch {
            throw Trouble("\(error); the log:\n\(log(of: nil).map(\.text).joined(separator: "\n"))")
        }
        return start.duration(to: time(of: address, words, after: start)!)
    }

    func metrics() throws -> Metrics { Metrics(text: try ask("/metrics")) }

    /// What the admin server answers.
    func ask(_ target: String) throws -> String {
        let response = try entering(namespace) { [admin] in
            let connection = try Connection(to: admin)
            try connection.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return try connection.readResponse()
        }
        guard response.status == 200 else {
            throw Trouble("\(target) is answered \(response.status): \(response.text)")
        }
        return response.text
    }
}

/// A file that is there as long as it is referred to.
final class TemporaryFile: Sendable {
    let url: URL

    init(_ text: String) throws {
        url = FileManager.default.temporaryDirectory.appending(path: "apus-failure-\(UUID().uuidString).yaml")
        try text.write(to: url, atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}

/// A program of this package, beside the test bundle, where a build leaves both.
func builtProgram(_ name: String) throws -> String {
    let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let program = bundle.deletingLastPathComponent().appending(path: name).path
    guard FileManager.default.isExecutableFile(atPath: program) else {
        throw Trouble("no \(name) at \(program); build it first: swift build --product \(name)")
    }
    return program
}

/// Waits until `condition` holds: for what changes without telling.
func eventually(
    _ what: String, by deadline: Deadline = .after(.seconds(20)), _ condition: () throws -> Bool
) throws {
    while try !condition() {
        guard !deadline.hasPassed else { throw Trouble("deadline passed while waiting for \(what)") }
        rest(.milliseconds(10))
    }
}

/// Does nothing for a while.
func rest(_ duration: Duration) {
    Thread.sleep(forTimeInterval: duration / .seconds(1))
}
