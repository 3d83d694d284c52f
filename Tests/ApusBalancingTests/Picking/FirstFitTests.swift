import ApusBalancing
import ApusModel
import Testing

@Suite struct FirstFitTests {
    @Test(arguments: [3, 32, 33, 200])
    func endpointsAreFilledInOrder(count: Int) {
        var workers = Workers(1, .first, weights: Array(repeating: 1, count: count))
        for place in 0..<(2 * count) {
            #expect(workers.start(on: 0) == place / 2)
            if workers.loads.loads[place / 2] == 2 { workers.loads.saturated.insert(place / 2) }
        }
        #expect(workers.start(on: 0) == nil)
        // What ends makes room, and the first room is taken.
        for endpoint in [count - 1, 1, 0] {
            workers.loads.saturated.remove(endpoint)
            workers.end(workers.inFlight.firstIndex { $0.endpoint == endpoint }!)
            #expect(workers.start(on: 0) == endpoint)
            workers.end(workers.inFlight.count - 1)
        }
        #expect(workers.start(on: 0) == 0)
    }

    @Test(arguments: [3, 40])
    func weightsMakeNoDifference(count: Int) {
        var picker = GroupPicker(.first, weights: [0, 1] + Array(repeating: 9, count: count - 2), worker: 3, seed: 1)
        for _ in 0..<5 { #expect(picker.pick(load: Idle()) == 1) }
        picker.setAvailable(1, false)
        #expect(picker.pick(load: Idle()) == 2)
        picker.setAvailable(1, true)
        #expect(picker.pick(load: Idle(), excluding: TriedEndpoints([1])) == 2)
        #expect(picker.pick(load: Idle()) == 1)
    }

    /// Room that the picker is not told of is found within as many picks as an eighth of the endpoints.
    @Test func roomIsFoundInRotation() {
        var picker = GroupPicker(.first, weights: Array(repeating: 1, count: 80), worker: 0, seed: 1)
        let idle = Array(repeating: 0, count: 80)
        #expect(picker.pick(load: Loads(loads: idle, saturated: Set(0..<79))) == 79)
        let full = Set(0..<79).subtracting([70])
        let picks = (0..<11).map { _ in picker.pick(load: Loads(loads: idle, saturated: full)) }
        #expect(picks.last == 70)
    }
}
