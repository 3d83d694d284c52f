import ApusBalancing
import ApusModel

/// One worker's requests to a group: with each pick the exchange that began longest ago ends.
struct Traffic: ~Copyable {
    /// Twice as many exchanges as candidates are in flight.
    private static let depth = 2

    private let algorithm: Algorithm
    private var picker: GroupPicker
    private var load: CountedLoad
    private var inFlight: [Int32]
    private var oldest = 0
    private var now: Int64 = 0
    private var random = SplitMix64(seed: 7)
    /// Keeps the control's allocation from being left out.
    private var kept: [Int] = []

    /// - Parameter down: how many of the endpoints are unavailable, spread over the group.
    init(_ algorithm: Algorithm, endpoints count: Int, down: Int) {
        self.algorithm = algorithm
        let members = (0..<count).map { GroupMember(name: "10.0.\($0 / 256).\($0 % 256):80", weight: 1 + $0 % 3) }
        picker = GroupPicker(
            algorithm.balance ?? .roundRobin, hash: algorithm.hash, members: members, worker: 0, seed: 1)
        load = CountedLoad(count: count)
        for place in 0..<down { picker.setAvailable(place * count / max(1, down), false) }
        inFlight = Array(repeating: -1, count: Self.depth * (count - down))
    }

    /// Starts all exchanges that are to be in flight.
    mutating func fill() {
        for place in inFlight.indices { inFlight[place] = start() }
    }

    mutating func run(_ picks: Int) {
        for _ in 0..<picks {
            end(Int(inFlight[oldest]))
            inFlight[oldest] = start()
            oldest = oldest + 1 == inFlight.count ? 0 : oldest + 1
        }
    }

    private mutating func start() -> Int32 {
        now += 10
        if algorithm.allocates { kept = [random.next(below: 9)] }
        let hash = random.next()
        guard algorithm.balance != nil else { return began(0) }
        let pick = picker.pick(hash: hash, load: load, excluding: TriedEndpoints(), now: now)
        guard let pick else { return -1 }
        return began(pick)
    }

    private mutating func began(_ index: Int) -> Int32 {
        let now = load.change(index, by: 1)
        if algorithm.balance?.looksAtLoad == true { picker.started(index, load: now) }
        return Int32(index)
    }

    private mutating func end(_ index: Int) {
        guard index >= 0 else { return }
        if algorithm.balance?.looksAtTime == true {
            picker.answered(index, after: Int64(1_000 + random.next(below: 500)), now: now)
        }
        let now = load.change(index, by: -1)
        if algorithm.balance?.looksAtLoad == true { picker.ended(index, load: now) }
    }
}

/// Loads that lie a cache line apart, as the counters that workers share do. Four exchanges saturate an endpoint.
private struct CountedLoad: ~Copyable, EndpointLoad {
    private static let stride = 8
    private var counts: [Int]

    init(count: Int) {
        counts = Array(repeating: 0, count: count * Self.stride)
    }

    func load(_ index: Int) -> Int { counts[index &* Self.stride] }
    func isSaturated(_ index: Int) -> Bool { load(index) >= 4 }

    mutating func change(_ index: Int, by difference: Int) -> Int {
        counts[index &* Self.stride] += difference
        return counts[index &* Self.stride]
    }
}
