import ApusModel

/// What differs in the routes of one listener: which came, went, changed, and in which order they are tried.
struct RouteComparison {
    private let listener: String
    private let old: Snapshot
    private let new: Snapshot
    private(set) var changes: [ConfigurationChange] = []
    /// Places of routes that are in both, in the new order: the old place and the new one.
    private var pairs: [(old: Int, new: Int)] = []

    init(listener: String, _ old: Snapshot, _ oldRoutes: [Int], _ new: Snapshot, _ newRoutes: [Int]) {
        self.listener = listener
        self.old = old
        self.new = new
        let before = oldRoutes.map { old.routes[$0] }
        let after = newRoutes.map { new.routes[$0] }
        let origins = Self.pair(before, after)
        let kept = Set(origins.compactMap(\.self))
        for (place, route) in after.enumerated() {
            if let origin = origins[place] {
                pairs.append((origin, place))
                compare(before[origin], route)
            } else {
                tell(.added, route, ["in place \(place + 1) of \(after.count)"] + Self.target(route, new))
            }
        }
        for (place, route) in before.enumerated() where !kept.contains(place) {
            tell(.removed, route, Self.target(route, old), effect: "requests that it has go on as they began")
        }
        tellMoves(after)
    }

    /// By new place, the old one. Routes are paired by name and by which of that name they are; what is left, by what
    /// they ask of requests, so that a route with a new name is the same.
    private static func pair(_ before: [Route], _ after: [Route]) -> [Int?] {
        var byName: [String: [Int]] = [:]
        for (place, route) in before.enumerated().reversed() { byName[route.name, default: []].append(place) }
        var origins = after.map { byName[$0.name]?.popLast() }
        let paired = Set(origins.compactMap(\.self))
        var byMatch: [String: [Int]] = [:]
        for (place, route) in before.enumerated().reversed() where !paired.contains(place) {
            byMatch[Settings(route.match).inline, default: []].append(place)
        }
        for place in after.indices where origins[place] == nil {
            let words = Settings(after[place].match).inline
            // What may not be shown is not in the words, and may differ.
            guard let index = byMatch[words]?.lastIndex(where: { before[$0].match == after[place].match }) else {
                continue
            }
            origins[place] = byMatch[words]?.remove(at: index)
        }
        return origins
    }

    private mutating func compare(_ one: Route, _ other: Route) {
        var details = Settings(one, of: old).changes(to: Settings(other, of: new)).map(\.words)
        if one.name != other.name { details.insert("name \(one.name) -> \(other.name)", at: 0) }
        guard !details.isEmpty else { return }
        tell(.changed, other, details)
    }

    /// The fewest routes that must have moved for the others to have kept their order.
    private mutating func tellMoves(_ after: [Route]) {
        let still = longestRise(in: pairs.map(\.old))
        guard still.count < pairs.count else { return }
        let formerly = pairs.map(\.old).sorted().enumerated()
        let ranks = Dictionary(formerly.map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
        for (index, pair) in pairs.enumerated() where !still.contains(index) {
            let isEarlier = index < ranks[pair.old, default: index]
            let place = "from place \(pair.old + 1) to \(pair.new + 1)"
            tell(.moved, after[pair.new], [place], effect: "it is tried \(isEarlier ? "earlier" : "later")")
        }
    }

    private mutating func tell(
        _ kind: ConfigurationChange.Kind, _ route: Route, _ details: [String], effect: String? = nil
    ) {
        changes.append(
            ConfigurationChange(
                kind: kind, subject: .route, name: "listener \(listener): route \(route.name)", details: details,
                effect: effect))
    }

    /// Where it leads.
    private static func target(_ route: Route, _ snapshot: Snapshot) -> [String] {
        switch route.action {
        case .forward(let split):
            [split.pools.count == 1 ? "to pool \(split.words(of: snapshot))" : "to pools \(split.words(of: snapshot))"]
        case .redirect(let redirect):
            ["redirecting to \(concealingQuery(redirect.location.words)) with \(redirect.status)"]
        case .respond(let response): ["answering \(response.status)"]
        }
    }
}

/// Indices of one of the longest rising subsequences of different numbers. Cost: n log n.
func longestRise(in numbers: [Int]) -> Set<Int> {
    // For each length, where the rise of that length ends that ends lowest; and each one's predecessor.
    var ends: [Int] = []
    var previous = [Int?](repeating: nil, count: numbers.count)
    for (index, number) in numbers.enumerated() {
        var (low, high) = (0, ends.count)
        while low < high {
            let middle = (low + high) / 2
            if numbers[ends[middle]] < number { low = middle + 1 } else { high = middle }
        }
        if low > 0 { previous[index] = ends[low - 1] }
        if low == ends.count { ends.append(index) } else { ends[low] = index }
    }
    var rise: Set<Int> = []
    var next = ends.last
    while let index = next {
        rise.insert(index)
        next = previous[index]
    }
    return rise
}
