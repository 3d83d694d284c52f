import ApusBalancing
import ApusModel
import Testing

/// Several workers' pickers of one group, the loads that they share, and what they have in flight: what the data plane
/// does, without the sockets.
struct Workers {
    var pickers: [GroupPicker]
    var loads: Loads
    var inFlight: [(worker: Int, endpoint: Int)] = []
    var now: Int64 = 0

    init(_ count: Int, _ balance: Balance, weights: [Int], seed: UInt64 = 1) {
        pickers = (0..<count).map { GroupPicker(balance, weights: weights, worker: $0, seed: seed) }
        loads = Loads(loads: Array(repeating: 0, count: weights.count))
    }

    /// Starts an exchange where the worker's picker says; nil where it finds nobody.
    mutating func start(on worker: Int, excluding tried: TriedEndpoints = TriedEndpoints()) -> Int? {
        let pick = pickers[worker].pick(hash: nil, load: loads, excluding: tried, now: now)
        guard let pick else { return nil }
        loads.loads[pick] += 1
        pickers[worker].started(pick, load: loads.loads[pick])
        inFlight.append((worker, pick))
        return pick
    }

    /// Ends the exchange at this place of `inFlight`, with an answer after so many microseconds.
    mutating func end(_ place: Int, answerAfter microseconds: Int64? = nil) {
        let (worker, endpoint) = inFlight[place]
        inFlight.swapAt(place, inFlight.count - 1)
        inFlight.removeLast()
        if let microseconds { pickers[worker].answered(endpoint, after: microseconds, now: now) }
        loads.loads[endpoint] -= 1
        pickers[worker].ended(endpoint, load: loads.loads[endpoint])
    }

    mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        for worker in pickers.indices { pickers[worker].setAvailable(index, isAvailable) }
    }

    mutating func setWeight(_ index: Int, _ weight: Int) {
        for worker in pickers.indices { pickers[worker].setWeight(index, weight) }
    }
}
