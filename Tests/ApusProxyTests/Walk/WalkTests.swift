import ApusBalancing
import Glibc
import Testing

@testable import ApusProxy

/// The worker as it is, in memory: random clients and origins that keep the rules or break them, and invariants that ask
/// nothing of the code under test.
///
/// `APUS_WALK_STEPS` says how many steps there are (100,000), `APUS_WALK_SEED` with which season to begin (1): a failure
/// names its season, and `APUS_WALK_SEED=n APUS_WALK_STEPS=1` runs that one again. `APUS_WALK_TRACE` tells each step.
@Suite struct WalkTests {
    private static let stepsPerSeason = 4_000

    private static func number(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

    @Test func theWalk() throws {
        let steps = Self.number("APUS_WALK_STEPS") ?? 100_000
        let first = UInt64(Self.number("APUS_WALK_SEED") ?? 1)
        var tally = WalkTally()
        var seed = first
        while tally.steps < steps {
            announceSeason(seed)
            let walk = try Walk(seed: seed)
            tally += walk.run(steps: Self.stepsPerSeason)
            guard walk.faults.isEmpty else {
                let faults = walk.faults.joined(separator: "\n")
                Issue.record(
                    """
                    Season \(seed), step \(walk.step): \(faults)
                    Again: APUS_WALK_SEED=\(seed) APUS_WALK_STEPS=1 APUS_ONLY=ApusProxy swift test --filter WalkTests
                    """)
                return
            }
            seed += 1
        }
        if Self.number("APUS_WALK_TALLY") != nil { print(tally) }
        guard steps >= 100_000 else { return }
        // A walk in which nothing happens proves nothing.
        #expect(tally.complete > 3_000 && tally.cut > 100 && tally.interim > 100 && tally.reloads > 100)
        #expect(tally.questions > 300 && tally.denials > 30 && tally.preflights > 30)
        #expect(tally.reasons["request_limit", default: 0] > 30 && tally.reasons["filter_timeout", default: 0] > 5)
        #expect(tally.named > 100)
        #expect(tally.streams > 100 && tally.leavings > 20 && tally.rested > 5 && tally.promised > 2)
        #expect(tally.sealedClients > 300 && tally.sealedOrigins > 100 && tally.renewals > 300)
        #expect(tally.bareEnds > 100 && tally.cutEnds > 0 && tally.lies > 20)
        for misstep in Voice.Misstep.allCases where misstep != .none {
            #expect(tally.missteps["\(misstep)", default: 0] > 5, "\(misstep)")
        }
        #expect(tally.reasons["plain_http_on_tls", default: 0] > 5)
        for name in ["loop_detected", "client_closed", "response_body_timeout", "port_limit"] {
            #expect(tally.logged[name, default: 0] > 10, "\(name)")
        }
        #expect(tally.logged["upstream_unreachable", default: 0] > 0)
        for name in ["retries", "reused", "connect failures", "hedges", "hedges won", "dequeued", "fallbacks", "pipes"]
        {
            #expect(tally.counted[name, default: 0] > 10, "\(name)")
        }
    }

    @Test(arguments: [77, 78]) func theSameSeedIsTheSameWalk(seed: UInt64) throws {
        let tallies = try (0..<2).map { _ in try Walk(seed: seed).run(steps: 500) }
        #expect(tallies[0] == tallies[1])
    }
}

/// The season that runs, for a process that ends in the middle of it.
nonisolated(unsafe) private var announcement = [CChar](repeating: 0, count: 128)

private func announceSeason(_ seed: UInt64) {
    let text = "The walk was in season \(seed): APUS_WALK_SEED=\(seed) APUS_WALK_STEPS=1\n"
    for (index, byte) in text.utf8.enumerated() { announcement[index] = CChar(bitPattern: byte) }
    announcement[text.utf8.count] = 0
    // Where a backtrace is asked for, the runtime's own handler makes it.
    guard getenv("SWIFT_BACKTRACE") == nil else { return }
    for number in [SIGILL, SIGTRAP] {
        signal(number) { number in
            _ = announcement.withUnsafeBytes { write(2, $0.baseAddress, strlen($0.baseAddress!)) }
            signal(number, SIG_DFL)
            raise(number)
        }
    }
}
