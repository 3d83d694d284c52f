import ApusBalancing
import ApusModel
import Testing

/// What holds of a pool's health whatever happens: random facts, hundreds of seeds.
@Suite struct PoolHealthPropertyTests {
    /// Knows of a pool only what its changes say, and checks everything else against that.
    struct Witness {
        var health: PoolHealth
        let rules: OutlierRules
        let threshold: Int
        var states: [EndpointState]
        var available: [Bool]
        var weights: [Int]
        var isPanicking = false
        /// How long each endpoint's next ejection would be, in times of the base, and since when it has been back.
        var lengths: [Int]
        var backSince: [Int64]
        var intervalBegan: Int64 = 0
        var ejections = 0

        var serving: Int { states.indices.count { available[$0] && weights[$0] > 0 } }

        var weighted: Int { weights.count { $0 > 0 } }

        mutating func take(_ changes: [HealthChange], now: Int64) {
            for change in changes {
                switch change {
                case .endpoint(let change): take(change, now)
                case .panic(let change):
                    #expect(change.isPanicking != isPanicking, "said once")
                    #expect(change.available == serving && change.total == weighted)
                    isPanicking = change.isPanicking
                case .breaker: Issue.record("no breaker was told of")
                }
            }
            check()
        }

        private mutating func take(_ change: EndpointChange, _ now: Int64) {
            let endpoint = change.endpoint
            #expect(change.before == states[endpoint] && change.wasAvailable == available[endpoint])
            #expect(change.after != change.before, "each change once")
            #expect(change.isAvailable == ![.unhealthy, .ejected].contains(change.after.kind))
            states[endpoint] = change.after
            available[endpoint] = change.isAvailable
            if case .ejection(let cause) = change.cause, case .ejected(let until, cause) = change.after {
                ejections += 1
                #expect(change.wasAvailable)
                #expect(serving >= 1, "one is left")
                let base = rules.baseEjection / .microseconds(1)
                let longest = rules.maximumEjection / .microseconds(1)
                if Double(lengths[endpoint]) * base < longest { lengths[endpoint] += 1 }
                #expect(Double(until - now) == min(Double(lengths[endpoint]) * base, longest))
            }
        }

        mutating func intervalEnded(_ now: Int64) {
            for endpoint in states.indices where lengths[endpoint] > 0 && !health.isEjected(endpoint) {
                if backSince[endpoint] <= intervalBegan { lengths[endpoint] -= 1 }
            }
            intervalBegan = now
        }

        private func check() {
            let count = states.count
            for endpoint in 0..<count {
                #expect(health.state(endpoint) == states[endpoint])
                #expect(health.isAvailable(endpoint) == available[endpoint])
                #expect(health.isEjected(endpoint) || states[endpoint].kind != .ejected)
            }
            let ejected = (0..<count).count { health.isEjected($0) }
            #expect(ejected == health.ejectedCount)
            #expect(ejected <= max(1, count * rules.maximumEjectedPercent / 100), "the cap")
            #expect(count > 1 || ejected == 0)
            let couldServe = (0..<count).contains { states[$0].kind == .ejected && weights[$0] > 0 }
            #expect(serving > 0 || !couldServe, "ejections leave nobody without an endpoint")
            #expect(health.availableCount == available.count { $0 })
            #expect(health.isPanicking == isPanicking)
            #expect(health.servingCount == serving && health.weightedCount == weighted)
            #expect(isPanicking == (serving * 100 < threshold * weighted))
        }
    }

    @Test(arguments: 0..<200)
    func holdsWhateverHappens(seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        let count = 1 + random.next(below: 9)
        let rules = OutlierRules(
            successRateDeviations: 1, latencyFactor: 2, minimumHosts: 3, minimumVolume: 10,
            baseEjection: .seconds(1 + random.next(below: 20)), maximumEjection: .seconds(20 + random.next(below: 100)),
            maximumEjectedPercent: random.next(below: 101), returnsOnProbe: random.next(below: 2) == 0)
        let threshold = [0, 30, 50, 100][random.next(below: 4)]
        let probe = [HealthCheck.Probe.tcp, .none][random.next(below: 2)]
        let weights = (0..<count).map { _ in random.next(below: 4) }
        let health = PoolHealthTests.pool(
            weights, outliers: rules, panic: threshold, check: HealthCheck(probe: probe, rise: 2, fall: 2))
        var witness = Witness(
            health: health, rules: rules, threshold: threshold, states: weights.map { $0 == 0 ? .draining : .unknown },
            available: weights.map { _ in true }, weights: weights, lengths: weights.map { _ in 0 },
            backSince: weights.map { _ in .min })
        var now: Int64 = 0
        for _ in 0..<400 {
            now += Int64(random.next(below: 1_000_000))
            step(&witness, &random, now)
        }
        #expect(count == 1 || weights.allSatisfy { $0 == 0 } || witness.ejections > 0, "something happened")
    }

    /// One fact, drawn at random.
    func step(_ witness: inout Witness, _ random: inout SplitMix64, _ now: Int64) {
        let endpoint = random.next(below: witness.states.count)
        let wasEjected = witness.states.indices.map { witness.health.isEjected($0) }
        let changes: [HealthChange]
        var isInterval = false
        if let wakeup = witness.health.nextWakeup, now >= wakeup {
            changes = witness.health.woken(now: now)
            for case .ejected(let until, _) in witness.states.indices.map({ witness.health.state($0) }) {
                #expect(until > now)
            }
        } else if let end = witness.health.nextInterval, now >= end {
            isInterval = true
            let volumes = witness.states.map { _ in
                EndpointVolume(
                    requests: 50, failures: random.next(below: 4) == 0 ? 50 : 0, responses: 50,
                    microseconds: random.next(below: 4) == 0 ? 50_000_000 : 50_000)
            }
            changes = witness.health.intervalEnded(volumes: volumes, now: now)
        } else {
            switch random.next(below: 12) {
            case 0...3: changes = witness.health.probeSucceeded(endpoint, now: now)
            case 4...5: changes = witness.health.probeFailed(endpoint, .timedOut, now: now)
            case 6: changes = witness.health.connectFailed(endpoint, .connectionRefused, now: now)
            case 7: changes = witness.health.connectSucceeded(endpoint, now: now)
            case 8: changes = witness.health.failedInARow(endpoint, .gatewayError, count: 5, now: now)
            case 9...10: changes = witness.health.failedInARow(endpoint, .status5xx, count: 5, now: now)
            default:
                witness.weights[endpoint] = random.next(below: 3)
                changes = witness.health.setWeight(endpoint, witness.weights[endpoint], now: now)
            }
        }
        witness.take(changes, now: now)
        for endpoint in witness.states.indices where wasEjected[endpoint] && !witness.health.isEjected(endpoint) {
            witness.backSince[endpoint] = now
        }
        if isInterval { witness.intervalEnded(now) }
    }
}
