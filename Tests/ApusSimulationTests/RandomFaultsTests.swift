import ApusModel
import Foundation
import Testing

@testable import ApusSimulation

/// What must hold whatever the rules, the load and the faults: hundreds of short days, each from a seed of its own.
///
/// APUS_SIMULATION_SEEDS raises their number; APUS_SIMULATION_SEED runs one seed alone, as a failure says.
@Suite struct RandomFaultsTests {
    static var seeds: [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let one = environment["APUS_SIMULATION_SEED"].flatMap(UInt64.init) { return [one] }
        let count = environment["APUS_SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 300
        return Array(1...max(1, count))
    }

    @Test func invariantsHoldForEverySeed() {
        var reached: Set<String> = []
        for seed in Self.seeds {
            var random = RandomScenario(seed: seed)
            let scenario = random.make()
            var simulation = Simulation(scenario, observer: Invariants(scenario))
            simulation.run()
            simulation.observer.finish(at: simulation.now)
            #expect(simulation.leftovers == [], "seed \(seed)")
            Self.note(simulation.statistics, in: &reached)
            let again =
                "APUS_SIMULATION_SEED=\(seed) APUS_ONLY=ApusSimulation swift test --filter RandomFaultsTests"
            #expect(
                simulation.observer.violations.isEmpty,
                "seed \(seed), \(scenario.pool.balance.rawValue); run it again: \(again)")
        }
        // Days on which nothing happens prove nothing: together they must bring about all that is watched for.
        if Self.seeds.count >= 300 { #expect(Self.worthReaching.subtracting(reached) == []) }
    }

    private static let worthReaching: Set<String> = [
        "retries", "denied", "hedges", "queued", "panic", "is ejected", "is unhealthy", "is panicking", "breaker open",
        "breaker half-open", "breaker closed", "no_healthy_endpoint", "pool_saturated", "breaker_open", "queue_full",
        "queue_timeout", "overloaded", "connect_failed", "upstream_reset", "response_head_timeout",
        "unreachable", "client_closed",
        "port_limit", "descriptor_limit", "memory_limit", "route_saturated", "shortages", "late",
    ]

    private static func note(_ result: Statistics, in reached: inout Set<String>) {
        let counts = [
            ("retries", result.retries), ("denied", result.deniedRetries), ("hedges", result.hedgesWon),
            ("queued", result.queued), ("panic", result.panicPicks), ("client_closed", result.left),
            ("shortages", result.shortages), ("unreachable", result.unreachable),
        ]
        for (name, count) in counts where count > 0 { reached.insert(name) }
        for refusal in result.refusals.keys { reached.insert(refusal.rawValue) }
        for change in result.changes {
            for word in worthReaching where change.text.contains(word) { reached.insert(word) }
        }
    }
}
