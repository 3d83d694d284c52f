import ApusModel

/// What the suites ask of every algorithm that has it. A new algorithm says so here: the compiler asks.
extension Balance {
    /// Alike endpoints without load are picked by chance, each time whatever was picked before: suites compare variances.
    var drawsIndependently: Bool {
        switch self {
        case .random, .weightedRandom, .leastConnections, .leastRequests, .peakEWMA, .leastTime: true
        case .roundRobin, .weightedRoundRobin, .hash, .first: false
        }
    }

    /// It keeps what is in flight, and need not ask for it.
    var remembersLoads: Bool {
        switch self {
        case .leastConnections, .leastTime: true
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastRequests, .peakEWMA, .hash, .first: false
        }
    }

    /// Picks that are not told to have begun fall on other endpoints as well, one after the other.
    var movesOnByPicks: Bool {
        switch self {
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastConnections, .leastRequests, .peakEWMA,
            .leastTime, .hash:
            true
        case .first: false
        }
    }

    /// Endpoints without load have shares of the picks that are known beforehand, by their weights or alike, to within some
    /// per cent of a few hundred picks in a row, none of which is told to have begun.
    var hasShares: Bool {
        switch self {
        case .roundRobin, .weightedRoundRobin, .random, .weightedRandom, .leastConnections, .leastRequests: true
        case .peakEWMA, .leastTime, .hash, .first: false
        }
    }

    static func all(where condition: (Balance) -> Bool) -> [Balance] { allCases.filter(condition) }
}
