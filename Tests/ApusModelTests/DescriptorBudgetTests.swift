import ApusModel
import Testing

@Suite struct DescriptorBudgetTests {
    @Test(
        arguments: [
            (UInt64.max, 138, Int32.max, 128), (1_048_576, 138, 1_048_438, 128), (1024, 138, 886, 128),
            (300, 47, 253, 37), (64, 18, 46, 8), (32, 14, 18, 4), (8, 14, 0, 4), (0, 14, 0, 4),
        ])
    func trafficGetsMost(limit: UInt64, kept: Int, bound: Int32, admin: Int) {
        let budget = DescriptorBudget(limit: limit, workers: 2)
        #expect(budget.kept == kept && budget.bound == bound && budget.adminConnections == admin)
    }

    /// When traffic and the admin server have all that they may have, there is room for a few probes, and beyond what probes may
    /// take there is some for others.
    @Test(arguments: [64, 300, 1024, 100_000] as [UInt64], [1, 2, 64])
    func nobodyTakesTheLast(limit: UInt64, workers: Int) {
        let budget = DescriptorBudget(limit: limit, workers: workers)
        #expect(Int(budget.probeBound) - Int(budget.bound) >= budget.adminConnections + 4 || budget.bound == 0)
        #expect(Int(limit) - Int(budget.probeBound) == 4 + workers || budget.probeBound == 0)
    }

    /// What is kept from traffic is among what is needed, and so is a client with its origin.
    @Test func whatIsNeededLeavesRoomForTraffic() {
        let needed = DescriptorBudget.needed(
            open: 3, takesSignals: true, workers: 2, sockets: 2, adminListeners: 1, logs: 1)
        #expect(Int(DescriptorBudget(limit: UInt64(needed), workers: 2).bound) >= 3 + 3 * 2 + 2 + 2)
    }

    /// The admin server may have more of a higher limit: what is said to be enough is, and one less is not.
    @Test(arguments: 1...256)
    func whatIsNeededIsEnoughAndNotOneMore(workers: Int) {
        for (open, listeners, admin) in [(3, 1, 1), (3, 40, 0), (200, 2, 3), (3, 1, 0)] {
            let sockets = listeners * workers
            let needed = DescriptorBudget.needed(
                open: open, takesSignals: true, workers: workers, sockets: sockets, adminListeners: admin, logs: 1)
            let used = open + 3 * workers + sockets + 13 + 5 * admin + 4
            func leaves(_ limit: Int) -> Int {
                Int(DescriptorBudget(limit: UInt64(limit), workers: workers).bound) - used
            }
            #expect(leaves(needed) >= 2, "\(needed)")
            #expect(leaves(needed - 1) < 2, "\(needed)")
        }
    }
}
