import ApusAddresses
import ApusModel
import ApusTestKit
import Glibc
import Testing

extension DailyOperations {
    /// A second SIGTERM cuts what the first has let finish. The process ends at once and with 0, whatever its admin server
    /// is doing: accepting connections one after the other, waiting for the rest of a request.
    @Test func aSecondSignalEndsItAtOnce() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Deployment.configuration(before: [origin.address]))
            for round in 1...6 {
                try apus.start()
                let callers = Callers(of: apus.admin)
                defer { callers.stop() }
                origin.become(.slow(.seconds(20)))
                let busy = try Connection(to: apus.address)
                try busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                // Probes that ask something come as well.
                try eventually("the request to be in flight") { origin.mishaps.count { $0 == "GET" } == round }
                // With and without a request that its sender never finishes.
                let unfinished = round % 2 == 0 ? nil : try Connection(to: apus.admin)
                try unfinished?.send("GET /v1/status HTTP/1.1\r\nHo")
                try apus.expect("finishing what is in flight") { apus.process.signal(SIGTERM) }
                rest(.milliseconds(20 * round))
                let start = ContinuousClock.now
                apus.process.signal(SIGTERM)
                let status = try apus.process.waitForEnd()
                let time = start.duration(to: .now)
                #expect(status == 0, "round \(round): \(apus.process.lines.suffix(4))")
                // Two seconds of patience, and some for a busy machine; what is in flight would take twenty.
                #expect(time < .seconds(10), "round \(round): it ended after \(time)")
                #expect(apus.complaints == [])
                #expect(callers.count > 0)
            }
        }
    }
}

/// Connects again and again, on several threads, and asks on every second connection.
private final class Callers: Sendable {
    private let state = Monitor((isStopping: false, running: 4, count: 0))

    init(of address: SocketAddress) {
        for _ in 0..<state.current.running {
            onThread { [state] in
                var number = 0
                while state.with({ !$0.isStopping }) {
                    number += 1
                    guard let connection = try? Connection(to: address) else {
                        rest(.milliseconds(1))
                        continue
                    }
                    if number % 2 == 0 { try? connection.send("GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n") }
                    connection.close()
                    state.with { $0.count += 1 }
                }
                state.with { $0.running -= 1 }
            }
        }
    }

    /// How many connections there have been.
    var count: Int { state.current.count }

    func stop() {
        state.with { $0.isStopping = true }
        _ = try? state.wait(for: "the callers to end") { $0.running == 0 }
    }
}
