import ApusModel
import Testing

@testable import ApusSimulation

@Suite struct RepeatabilityTests {
    private static func badDay(_ balance: Balance, seed: UInt64) -> Scenario {
        var scenario = scenario(
            balance: balance,
            faults: [
                Fault(endpoint: 1, at: second, .kill), Fault(endpoint: 2, at: 2 * second, .slow(factor: 20)),
                Fault(endpoint: 3, at: second, .flap(period: second / 3)), Fault(endpoint: 1, at: 4 * second, .revive),
            ])
        scenario.duration = 6 * second
        scenario.balancers = 2
        scenario.lostProbes = 0.05
        scenario.seed = seed
        return scenario
    }

    @Test(arguments: Balance.allCases)
    func theSameSeedGivesTheSameBytes(_ balance: Balance) {
        let texts = (0..<2).map { _ in
            let scenario = Self.badDay(balance, seed: 7)
            let statistics = scenario.run()
            return Report(scenario, statistics).text + RunPicture(scenario, statistics).svg
        }
        #expect(texts[0] == texts[1])
    }

    @Test func anotherSeedGivesAnotherDay() {
        let texts = [UInt64(7), 8].map { seed in
            let scenario = Self.badDay(.roundRobin, seed: seed)
            return Report(scenario, scenario.run()).endpoints
        }
        #expect(texts[0] != texts[1])
    }

    @Test func aComparisonIsTheRunsThatItCompares() {
        let scenario = Self.badDay(.leastConnections, seed: 3)
        let comparison = Comparison(scenario, [.roundRobin, .leastConnections])
        let alone = scenario.run()
        #expect(comparison.runs[1].statistics.latency.percentile(0.99) == alone.latency.percentile(0.99))
        #expect(comparison.runs.map(\.statistics.requests) == [alone.requests, alone.requests])
        let rows = comparison.text.split(separator: "\n").suffix(2)
        #expect(rows.first?.hasPrefix("round-robin") == true && rows.first?.hasSuffix("-") == true)
        #expect(rows.last?.hasSuffix("%") == true)
    }
}
