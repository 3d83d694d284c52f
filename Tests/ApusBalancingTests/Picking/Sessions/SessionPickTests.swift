import ApusBalancing
import ApusModel
import Testing

/// Where requests go that belong to a session.
@Suite struct SessionPickTests {
    static func session(_ index: Int32) -> PickRequest { PickRequest(session: index) }

    @Test(arguments: Balance.allCases)
    func aSessionStaysWithItsEndpoint(balance: Balance) {
        var picker = PoolPicker((0..<6).map { Place(tier: $0 / 3) }, balance: balance)
        for index in 0..<6 {
            for _ in 0..<5 {
                #expect(picker.pick(Self.session(Int32(index)), load: Idle(), now: 0) == index)
            }
        }
    }

    @Test func itFallsBackToThePoolsAlgorithm() {
        var picker = PoolPicker((0..<3).map { _ in Place() })
        picker.setAvailable(1, false, now: 0)
        #expect((0..<4).map { _ in picker.pick(Self.session(1), load: Idle(), now: 0) } == [0, 2, 0, 2])
        let full = Loads(loads: [0, 0, 0], saturated: [2])
        #expect(picker.pick(Self.session(2), load: full, now: 0) == 0)
        #expect(picker.pick(Self.session(0), load: Idle(), excluding: TriedEndpoints([0]), now: 0) == 2)
        #expect(picker.pick(Self.session(0), load: Idle(), excluding: TriedEndpoints([0, 2]), now: 0) == nil)
        picker.setAvailable(1, true, now: 0)
        #expect(picker.pick(Self.session(1), load: Idle(), now: 0) == 1)
    }

    @Test func ofTriedEndpointsTheSessionsOwnComesFirst() {
        var picker = PoolPicker((0..<3).map { _ in Place() })
        for _ in 0..<5 {
            let index = picker.pick(
                Self.session(1), load: Idle(), excluding: TriedEndpoints([0, 1, 2]), orTried: true, now: 0)
            #expect(index == 1)
        }
    }

    @Test func aSessionOfNoEndpointIsNone() {
        var picker = PoolPicker([Place(), Place()])
        for session in [2, -1, Int32.max, Int32.min] {
            #expect(picker.pick(Self.session(session), load: Idle(), now: 0) != nil)
        }
    }

    @Test(arguments: Balance.allCases)
    func aDrainingEndpointKeepsItsSessionsAndTakesNoNewOnes(balance: Balance) {
        var picker = PoolPicker((0..<3).map { _ in Place(weight: 2) }, balance: balance)
        picker.setWeight(1, 0, now: 0)
        #expect(picker.counts(300, of: 3)[1] == 0)
        #expect(picker.pick(Self.session(1), load: Idle(), now: 0) == 1)
        let full = Loads(loads: [0, 0, 0], saturated: [1])
        #expect(picker.pick(Self.session(1), load: full, now: 0) != 1)
        picker.setAvailable(1, false, now: 0)
        #expect(picker.pick(Self.session(1), load: Idle(), now: 0) != 1)
        picker.setAvailable(1, true, now: 0)
        picker.setWeight(1, 2, now: 0)
        if balance.movesOnByPicks { #expect(picker.counts(300, of: 3)[1] > 0) }
    }

    @Test func aPoolThatDrainsWholeStillServesItsSessions() {
        var picker = PoolPicker([Place(), Place()], panicThreshold: 100)
        picker.setWeight(0, 0, now: 0)
        picker.setWeight(1, 0, now: 0)
        #expect(picker.candidateCount == 0)
        #expect(picker.pick(load: Idle(), now: 0) == nil)
        #expect(picker.pick(Self.session(1), load: Idle(), now: 0) == 1)
    }

    @Test func aSessionIsKeptOutsideOfTheSubsetAndDuringASlowStart() {
        var picker = PoolPicker(
            (0..<20).map { _ in Place() }, locality: Locality(subsetSize: 2),
            slowStart: SlowStart(window: .seconds(60)))
        picker.setAvailable(4, false, now: 0)
        picker.setAvailable(4, true, now: 0)
        for index in 0..<20 { #expect(picker.pick(Self.session(Int32(index)), load: Idle(), now: 0) == index) }
    }

    @Test func inAPanicASessionGoesToItsEndpointToo() {
        var picker = PoolPicker([Place(), Place(), Place(weight: 0)], panicThreshold: 60)
        picker.setAvailable(0, false, now: 0)
        picker.setAvailable(2, false, now: 0)
        #expect(picker.pick(Self.session(0), load: Idle(), now: 0) == 0)
        #expect(picker.pick(Self.session(2), load: Idle(), now: 0) != 2)
    }
}
