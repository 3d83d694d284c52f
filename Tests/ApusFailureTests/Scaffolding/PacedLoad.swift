import ApusAddresses
import ApusModel
import ApusTestKit

/// Requests at a fixed rate over keep-alive connections, one thread each, until it is stopped; what became of every
/// single one is kept.
///
/// A request is due at its time whatever became of the one before, and latency is counted from that time: a balancer
/// that hangs does not slow the load down, and its waiting is not left out of the account. A connection that broke, or
/// that the balancer said it would close, is replaced for the next request; nothing is sent twice.
final class PacedLoad: Sendable {
    /// One request, from when it was due to when it ended.
    struct Outcome: Sendable, CustomStringConvertible {
        /// When it was to be sent, and was, unless its connection was still busy.
        var due: ContinuousClock.Instant
        var sent: ContinuousClock.Instant
        var ended: ContinuousClock.Instant
        /// 0 when there was no complete response.
        var status: Int
        /// The reason that Apus gave, if the answer was its own.
        var reason: String?
        /// The origin that answered, by its name; or what went wrong when there was no complete response.
        var text: String

        /// Whether an origin answered. (Those of the demo know no POST, and say so with 404.)
        var isGood: Bool { (200..<500).contains(status) && reason == nil }
        /// From when it was due, the time that its connection was busy with the one before included.
        var latency: Duration { due.duration(to: ended) }
        /// From when it was sent.
        var duration: Duration { sent.duration(to: ended) }

        var description: String { "\(status) \(reason ?? text) after \(latency.inMilliseconds) ms" }
    }

    private struct State {
        var outcomes: [Outcome] = []
        var isStopping = false
        var running = 0
    }

    private let state = Monitor(State())
    let start = ContinuousClock.now

    /// - Parameters:
    ///   - rate: requests a second, over all connections together.
    ///   - body: what each request carries; nil for a GET.
    init(
        on address: SocketAddress, rate: Int, connections: Int = 8, posting body: String? = nil,
        in namespace: Namespace? = nil
    ) {
        state.with { $0.running = connections }
        let request =
            if let body {
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            } else {
                "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            }
        let pause = Duration.seconds(1) / rate
        for number in 0..<connections {
            let client = Client(
                address: address, request: request, method: body == nil ? "GET" : "POST",
                first: start + pause * number, pause: pause * connections)
            onThread { [state] in
                do {
                    try namespace?.enter()
                    client.run { outcome in
                        state.with {
                            $0.outcomes.append(outcome)
                            return !$0.isStopping
                        }
                    }
                } catch {
                    fatalError("the load cannot enter the namespace: \(error)")
                }
                state.with { $0.running -= 1 }
            }
        }
    }

    deinit { state.with { $0.isStopping = true } }

    /// What has become of the requests so far, in the order in which they ended.
    var outcomes: [Outcome] { state.current.outcomes }

    /// Lets the requests in flight end, and returns what became of all.
    func stop() throws -> Report {
        state.with { $0.isStopping = true }
        return Report(try state.wait(for: "the load to end", by: .after(.seconds(60))) { $0.running == 0 }.outcomes)
    }

    /// One connection after the other, and the requests that are sent on them.
    private struct Client {
        var address: SocketAddress
        var request: String
        var method: String
        var first: ContinuousClock.Instant
        var pause: Duration

        func run(_ record: (Outcome) -> Bool) {
            var connection: Connection?
            var due = first
            while true {
                let now = ContinuousClock.now
                if now < due { rest(now.duration(to: due)) }
                let outcome = send(due: due, on: &connection)
                guard record(outcome) else { return }
                due += pause
            }
        }

        private func send(due: ContinuousClock.Instant, on connection: inout Connection?) -> Outcome {
            var outcome = Outcome(due: due, sent: .now, ended: .now, status: 0, text: "")
            do {
                let open = try connection ?? Connection(to: address)
                connection = open
                try open.send(request)
                let response = try open.readResponse(to: method)
                if response.isComplete { outcome.status = response.status }
                outcome.reason = response.reason
                outcome.text = response.isComplete ? Self.origin(in: response.text) : "cut short: \(response.text)"
                if !response.isComplete || response.announcesClose { connection = nil }
                open.forget()
            } catch {
                connection = nil
                outcome.text = "\(error)"
            }
            outcome.ended = .now
            return outcome
        }

        /// The name in `origin NAME`, or `origin NAME, ...`; all of it for another text.
        private static func origin(in text: String) -> String {
            let words = text.split { " ,\n".contains($0) }
            return words.count > 1 && words[0] == "origin" ? String(words[1]) : text
        }
    }
}

/// What became of a load's requests.
struct Report: CustomStringConvertible {
    let outcomes: [PacedLoad.Outcome]

    init(_ outcomes: [PacedLoad.Outcome]) { self.outcomes = outcomes }

    var failures: [PacedLoad.Outcome] { outcomes.filter { !$0.isGood } }

    /// Those that were sent from `start` on, and before `end`.
    func sent(
        from start: ContinuousClock.Instant, to end: ContinuousClock.Instant? = nil
    ) -> Report {
        Report(outcomes.filter { $0.sent >= start && (end == nil || $0.sent < end!) })
    }

    /// How many `origin` answered.
    func count(from origin: String) -> Int { outcomes.count { $0.isGood && $0.text == origin } }

    /// When `origin` first answered.
    func first(from origin: String) -> ContinuousClock.Instant? {
        outcomes.filter { $0.isGood && $0.text == origin }.map(\.ended).min()
    }

    /// When `origin` last answered.
    func last(from origin: String) -> ContinuousClock.Instant? {
        outcomes.filter { $0.isGood && $0.text == origin }.map(\.ended).max()
    }

    /// The latency that `share` of 1 stayed at or under.
    func latency(_ share: Double) -> Duration { Self.quantile(share, of: outcomes.map(\.latency)) }

    /// The time from sending to the end that `share` of 1 stayed at or under.
    func duration(_ share: Double) -> Duration { Self.quantile(share, of: outcomes.map(\.duration)) }

    private static func quantile(_ share: Double, of times: [Duration]) -> Duration {
        let sorted = times.sorted()
        return sorted.isEmpty ? .zero : sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))]
    }

    /// The longest time from sending to the end.
    var slowest: Duration { duration(1) }

    var description: String {
        let kinds = Dictionary(grouping: outcomes) {
            $0.isGood ? "\($0.status) \($0.text)" : "\($0.status) \($0.reason ?? $0.text)"
        }
        let counts = kinds.map { "\($0.value.count) x \($0.key)" }.sorted().joined(separator: ", ")
        let latencies = [latency(0.5), latency(0.99), latency(1)].map { "\($0.inMilliseconds) ms" }
        return "\(outcomes.count) requests, \(failures.count) failed: \(counts); latency p50 \(latencies[0]), "
            + "p99 \(latencies[1]), most \(latencies[2])"
    }
}

extension Duration {
    var inMilliseconds: Int { Int(self / .milliseconds(1)) }
}
