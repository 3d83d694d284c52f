/// Which counters go where when a snapshot is succeeded: what lives on goes on counting where it was.
public struct CounterMoves: Sendable {
    /// Slots of the old layout and of the new one, of equal length.
    public struct Move: Sendable, Hashable {
        public let from: Int
        public let to: Int
        public let count: Int
    }

    public private(set) var moves: [Move] = []
    /// Old slots that are added, by status class, to the requests of what is gone, once all has moved.
    public private(set) var departures: [Range<Int>] = []

    public init(_ succession: Succession, from old: CounterLayout, to new: CounterLayout) {
        add(old.worker(.first), new.worker(.first), CounterLayout.workerStride)
        for (to, from) in succession.listeners.toOld.enumerated() {
            guard let from else { continue }
            add(old.listener(from, .first), new.listener(to, .first), CounterLayout.ListenerCounter.allCases.count)
            add(old.reasons(listener: from), new.reasons(listener: to), new.reasonStride)
            addRow(old, old.unroutedRow(listener: from), new, new.unroutedRow(listener: to), succession)
        }
        for listener in Self.gone(succession.listeners.toOld, of: succession.previous.listeners.count) {
            depart(old.requests(row: old.unroutedRow(listener: listener)))
        }
        for (to, from) in succession.endpoints.toOld.enumerated() {
            guard let from else { continue }
            add(old.endpoint(from, .first), new.endpoint(to, .first), CounterLayout.EndpointCounter.allCases.count)
        }
        for (to, from) in succession.pools.toOld.enumerated() {
            guard let from else { continue }
            add(old.pool(from, .first), new.pool(to, .first), CounterLayout.PoolCounter.allCases.count)
        }
        let kept = succession.snapshot.pools.indices.map { succession.keepsColumns(ofPool: $0) }
        for (to, from) in succession.routes.toOld.enumerated() {
            guard let from else { continue }
            let (before, after) = (succession.previous.routes[from].pools, succession.snapshot.routes[to].pools)
            for branch in 0..<max(1, min(before.count, after.count)) {
                let (row, newRow) = (old.row(route: from, branch: branch), new.row(route: to, branch: branch))
                if branch < min(before.count, after.count), kept[after[branch].pool],
                    before[branch].pool == succession.pools.toOld[after[branch].pool]
                {
                    addWholeRow(old, row, new, newRow)
                } else {
                    addRow(old, row, new, newRow, succession)
                }
            }
            for branch in max(1, after.count)..<max(1, before.count, after.count) {
                depart(old.requests(row: old.row(route: from, branch: branch)))
            }
        }
        for route in Self.gone(succession.routes.toOld, of: succession.previous.routes.count) {
            for branch in 0..<max(1, succession.previous.routes[route].pools.count) {
                depart(old.requests(row: old.row(route: route, branch: branch)))
            }
        }
    }

    /// Which of so many old places no new one comes from.
    private static func gone(_ origins: [Int?], of count: Int) -> [Int] {
        var isKept = [Bool](repeating: false, count: count)
        for case let origin? in origins { isKept[origin] = true }
        return isKept.indices.filter { !isKept[$0] }
    }

    private mutating func depart(_ slots: Range<Int>) {
        if let last = departures.last, last.upperBound == slots.lowerBound {
            departures[departures.count - 1] = last.lowerBound..<slots.upperBound
        } else {
            departures.append(slots)
        }
    }

    /// A row whose columns are the same endpoints in the same order.
    private mutating func addWholeRow(_ old: CounterLayout, _ from: Int, _ new: CounterLayout, _ to: Int) {
        let (before, after) = (old.slots(row: from), new.slots(row: to))
        add(before.lowerBound, after.lowerBound, after.count)
    }

    private mutating func addRow(
        _ old: CounterLayout, _ from: Int, _ new: CounterLayout, _ to: Int, _ succession: Succession
    ) {
        add(old.latencyBucket(row: from, bucket: 0), new.latencyBucket(row: to, bucket: 0), new.bucketCount + 1)
        addColumn(old, from, nil, new, to, nil)
        var left = Set(old.endpoints(row: from))
        for endpoint in new.endpoints(row: to) {
            guard let origin = succession.endpoints.toOld[endpoint], left.remove(origin) != nil else { continue }
            addColumn(old, from, origin, new, to, endpoint)
        }
        for endpoint in old.endpoints(row: from) where left.contains(endpoint) {
            let first = old.requests(row: from, endpoint: endpoint, statusClass: 0)
            depart(first..<(first + CounterLayout.statusClasses))
        }
    }

    private mutating func addColumn(
        _ old: CounterLayout, _ from: Int, _ oldEndpoint: Int?, _ new: CounterLayout, _ to: Int, _ newEndpoint: Int?
    ) {
        add(
            old.requests(row: from, endpoint: oldEndpoint, statusClass: 0),
            new.requests(row: to, endpoint: newEndpoint, statusClass: 0), CounterLayout.statusClasses)
    }

    private mutating func add(_ from: Int, _ to: Int, _ count: Int) {
        // Neighbours travel together: most reloads change little.
        if let last = moves.last, last.from + last.count == from, last.to + last.count == to {
            moves[moves.count - 1] = Move(from: last.from, to: last.to, count: last.count + count)
        } else {
            moves.append(Move(from: from, to: to, count: count))
        }
    }
}

extension Succession {
    /// Whether what requests to the pool may be counted under, its endpoints and those of its fallback, is what it was, in
    /// the same order.
    fileprivate func keepsColumns(ofPool pool: Int) -> Bool {
        guard let old = pools.toOld[pool], keepsMembers[pool] else { return false }
        return switch (snapshot.pools[pool].fallback, previous.pools[old].fallback) {
        case (.pool(let fallback), .pool(let before)):
            pools.toOld[fallback] == before && keepsMembers[fallback]
        case (.pool, _), (_, .pool): false
        default: true
        }
    }
}

extension CaseIterable where Self: RawRepresentable, RawValue == Int {
    /// The case with which the counters of one thing begin.
    fileprivate static var first: Self { allCases[allCases.startIndex] }
}
