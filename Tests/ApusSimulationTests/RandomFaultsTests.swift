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
        for seed in Self.seeds {
            var random = RandomScenario(seed: seed)
            let scenario = random.make()
            var simulation = Simulation(scenario, observer: Invariants(scenario))
            simulation.run()
            simulation.observer.finish(at: simulation.now)
            let again =
                "APUS_SIMULATION_SEED=\(seed) APUS_ONLY=ApusSimulation swift test --filter RandomFaultsTests"
            #expect(
                simulation.observer.violations.isEmpty,
                "seed \(seed), \(scenario.pool.balance.rawValue); run it again: \(again)")
        }
    }

    /// A day that tests nothing proves nothing: over all seeds, everything that is watched for must come about.
    @Test func theSeedsReachWhatTheyWatchFor() {
        var words: Set<String> = []
        for seed in UInt64(1)...120 {
            var random = RandomScenario(seed: seed)
            let result = random.make().run()
            if result.retries > 0 { words.insert("retries") }
            if result.deniedRetries > 0 { words.insert("denied") }
            if result.hedges > 0 { words.insert("hedges") }
            if result.queued > 0 { words.insert("queued") }
            for refusal in result.refusals.keys { words.insert(refusal.rawValue) }
            for change in result.changes {
                for word in [
                    "is ejected", "is unhealthy", "is panicking", "breaker open", "breaker half-open", "breaker closed",
                ]
                where change.text.contains(word) { words.insert(word) }
            }
        }
        let expected: Set<String> = [
            "retries", "denied", "hedges", "queued", "is ejected", "is unhealthy", "is panicking", "breaker open",
            "breaker half-open", "breaker closed", "no_healthy_endpoint", "pool_saturated", "breaker_open",
            "queue_full",
            "queue_timeout", "connect_failed", "upstream_reset", "response_head_timeout",
        ]
        #expect(expected.subtracting(words) == [])
    }
}
