public import ApusAddresses
import ApusModel

/// Steady load of GETs over several keep-alive connections, one thread each, until it is stopped.
///
/// A connection that the proxy closes between two responses is replaced; everything else that is not a complete
/// response is a failure.
public final class Load: Sendable {
    /// What became of the requests.
    public struct Result: Sendable {
        /// Complete responses by status.
        public var statuses: [Int: Int] = [:]
        /// Complete responses by the reason Apus gave.
        public var reasons: [String: Int] = [:]
        /// What went wrong without a complete response: at most the first hundred.
        public var failures: [String] = []
        /// All requests that ended so.
        public var failureCount = 0
        /// Connections opened.
        public var connections = 0

        /// Complete responses.
        public var total: Int { statuses.values.reduce(0, +) }
        /// Complete responses with `status`.
        public func count(_ status: Int) -> Int { statuses[status] ?? 0 }
        /// Whether every response was complete and 200.
        public var isFlawless: Bool { failures.isEmpty && total == count(200) }
    }

    private struct State {
        var result = Result()
        var isStopping = false
        var running = 0
    }

    private let state = Monitor(State())

    /// Starts `connections` threads that each send GETs for `target`, one after the other.
    public init(
        on address: SocketAddress, connections: Int, target: String = "/", expecting body: String? = nil
    ) {
        state.with { $0.running = connections }
        for _ in 0..<connections {
            onThread { [state] in
                Load.run(address, target, body, state)
                state.with { $0.running -= 1 }
            }
        }
    }

    deinit { state.with { $0.isStopping = true } }

    /// Waits until `count` more requests have been answered.
    public func waitForMore(_ count: Int, by deadline: Deadline = .standard) throws {
        let goal = state.with { $0.result.total + $0.result.failureCount } + count
        try state.wait(for: "\(count) more responses", by: deadline) {
            $0.result.total + $0.result.failureCount >= goal
        }
    }

    /// Lets the requests in flight finish and returns what became of all.
    public func stop() throws -> Result {
        state.with { $0.isStopping = true }
        return try state.wait(for: "the load to end", by: .after(.seconds(20))) { $0.running == 0 }.result
    }

    /// What became of the requests so far.
    public var result: Result { state.with { $0.result } }

    private static func run(_ address: SocketAddress, _ target: String, _ body: String?, _ state: Monitor<State>) {
        var client: Connection?
        while !state.with({ $0.isStopping }) {
            do {
                let connection = try client ?? Connection(to: address)
                if client == nil { state.with { $0.result.connections += 1 } }
                client = connection
                let response = try connection.get(target)
                guard response.isComplete, body == nil || response.status != 200 || response.text == body else {
                    throw KitError.malformed("a response cut short", received: connection.received.suffix(500))
                }
                state.with {
                    $0.result.statuses[response.status, default: 0] += 1
                    if let reason = response.reason { $0.result.reasons[reason, default: 0] += 1 }
                }
                if response.announcesClose { client = nil }
                connection.forget()
            } catch {
                client = nil
                state.with {
                    $0.result.failureCount += 1
                    if $0.result.failures.count < 100 { $0.result.failures.append("\(error)") }
                }
            }
        }
    }
}
