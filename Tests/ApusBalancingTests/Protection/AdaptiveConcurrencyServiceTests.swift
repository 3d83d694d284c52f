import ApusBalancing
import ApusModel
import Testing

/// The adaptive limit before a modelled service: it must find the knee, the number in flight above which requests only
/// wait; keep latency bounded whatever comes; and not be in the way when nothing is wrong.
@Suite struct AdaptiveConcurrencyServiceTests {
    typealias Shape = ModelledService.ServiceTime

    struct Case: Sendable, CustomTestStringConvertible {
        var shape: Shape
        var workers: Int
        var seed: UInt64

        var testDescription: String { "\(shape), \(workers) workers, seed \(seed)" }
    }

    static let cases = [Shape.fixed, .exponential].flatMap { shape in
        [1, 4].flatMap { workers in
            (1...2 as ClosedRange<UInt64>).map { Case(shape: shape, workers: workers, seed: $0) }
        }
    }

    static let capacity = 20
    static let serviceTime = 50_000.0
    /// What the service can answer at most.
    static let most = 400.0

    /// At half of what the service can do.
    static func service(_ test: Case, rate: Double = most / 2) -> ModelledService {
        ModelledService(
            ConcurrencyRules(), workers: test.workers, capacity: capacity, serviceTime: Int64(serviceTime),
            test.shape, rate: rate, seed: test.seed)
    }

    /// Four workers with a few requests each see less, and find it less exactly, than one that sees all.
    static func expectNearTheKnee(_ service: ModelledService, last seconds: Int) {
        let end = service.last(seconds)
        let most = service.limits.count == 1 ? 2.0 : 3.2
        let knee = Double(capacity)
        #expect((knee * 0.8...knee * most).contains(Double(end.limit)), "limit \(end.limit)")
        #expect(end.meanLatency < most * serviceTime, "latency \(end.meanLatency)")
        #expect(Double(end.answered) > 0.88 * Self.most * Double(seconds), "answered \(end.answered)")
    }

    @Test(arguments: cases) func settlesNearTheKneeUnderOverloadAndRecovers(test: Case) {
        var service = Self.service(test)
        service.run(seconds: 20)
        #expect(service.last(20).refused == 0, "nothing is wrong")
        service.ratePerSecond = 2 * Self.most
        service.run(seconds: 5)
        service.run(seconds: 60)
        Self.expectNearTheKnee(service, last: 60)
        service.ratePerSecond = Self.most / 2
        service.run(seconds: 10)
        let after = service.last(8)
        #expect(Double(after.refused) < 0.02 * Double(after.arrived), "refused \(after.refused)")
        #expect(after.meanLatency < 1.25 * Self.serviceTime)
    }

    /// Nothing has ever been seen without load, and the initial limit is five times too high.
    @Test(arguments: cases) func findsOutAnOverloadThatWasThereFromTheStart(test: Case) {
        var service = Self.service(test, rate: 2 * Self.most)
        service.run(seconds: 60)
        Self.expectNearTheKnee(service, last: 50)
    }

    /// Four times slower, with room for all: at first it looks like waiting, then it is known for what it is.
    @Test(arguments: cases) func learnsThatTheServiceHasBecomeSlower(test: Case) {
        var service = Self.service(test, rate: 300)
        service.capacity = 100
        service.run(seconds: 20)
        service.serviceTime = 200_000
        service.run(seconds: 50)
        let end = service.last(10)
        #expect(Double(end.refused) < 0.01 * Double(end.arrived), "refused \(end.refused) of \(end.arrived)")
        #expect(service.limits.allSatisfy { $0.unloadedLatency > 60_000 })
        // And back.
        service.serviceTime = 50_000
        service.run(seconds: 60)
        #expect(service.last(10).refused == 0)
        #expect(service.limits.allSatisfy { $0.unloadedLatency < 75_000 })
    }

    @Test(arguments: cases) func followsACapacityThatShrinks(test: Case) {
        var service = Self.service(test, rate: Self.most)
        service.capacity = 60
        service.run(seconds: 30)
        #expect(service.last(10).refused == 0)
        service.capacity = Self.capacity
        service.ratePerSecond = 1.5 * Self.most
        service.run(seconds: 70)
        Self.expectNearTheKnee(service, last: 50)
    }

    /// An overload that lasts for hours must not become the new normal.
    @Test func anOverloadThatLastsIsNotTakenForNormal() {
        var service = Self.service(Case(shape: .even, workers: 1, seed: 5))
        service.run(seconds: 20)
        service.ratePerSecond = 2 * Self.most
        service.run(seconds: 300)
        Self.expectNearTheKnee(service, last: 100)
    }

    @Test(arguments: [1, 4]) func lowPriorityIsRefusedFirst(workers: Int) {
        var service = Self.service(Case(shape: .even, workers: workers, seed: 9))
        service.priorities = [.low, .normal, .normal, .high]
        service.run(seconds: 10)
        service.ratePerSecond = 1.5 * Self.most
        service.run(seconds: 60)
        let end = service.last(50)
        let refused = (0..<3).map { Double(end.refusedByPriority[$0]) / Double(end.arrivedByPriority[$0]) }
        #expect(refused[0] > 0.6, "low: \(refused)")
        #expect(refused[0] > refused[1] && refused[1] > refused[2], "\(refused)")
        #expect(refused[2] < 0.1, "high: \(refused)")
    }

    /// What the limit costs an overload: at most a few percent of what the service could do.
    @Test func measuringCostsLittle() {
        var service = Self.service(Case(shape: .fixed, workers: 1, seed: 2))
        service.run(seconds: 10)
        service.ratePerSecond = 2 * Self.most
        service.run(seconds: 210)
        #expect(Double(service.last(200).answered) > 0.97 * Self.most * 200, "\(service.last(200).answered)")
    }
}
