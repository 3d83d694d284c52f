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

    /// From where the counters of `succession.previous` are to where those of its snapshot are. In the same room only what
    /// changes its slots is moved.
    public init(_ succession: Succession) {
        let (before, after) = (succession.previous.counting, succession.snapshot.counting)
        if before.room === after.room {
            addChanged(before.layout, after.layout, succession)
        } else {
            addAll(before.layout, after.layout, succession)
        }
    }

    /// How many counters move.
    public var count: Int { moves.reduce(0) { $0 + $1.count } }

    private mutating func addChanged(_ old: CounterLayout, _ new: CounterLayout, _ succession: Succession) {
        if old.endpointBase != new.endpointBase { addEndpoints(old, new, succession) }
        for row in 0..<new.unroutedBase where new.rows[row].requests != old.rows[row].requests {
            addRow(old, row, new, row, succession)
        }
        departWithOwners(old, succession)
    }

    private mutating func addAll(_ old: CounterLayout, _ new: CounterLayout, _ succession: Succession) {
        add(old.worker(.first), new.worker(.first), CounterLayout.workerStride)
        for (to, from) in succession.listeners.toOld.enumerated() {
            guard let from else { continue }
            add(old.listener(from, .first), new.listener(to, .first), old.listenerStride)
            add(old.reasons(listener: from), new.reasons(listener: to), new.reasonStride)
            addRow(old, old.unroutedRow(listener: from), new, new.unroutedRow(listener: to), succession)
        }
        addEndpoints(old, new, succession)
        for (to, from) in succession.pools.toOld.enumerated() {
            guard let from else { continue }
            add(old.pool(from, .first), new.pool(to, .first), CounterLayout.PoolCounter.allCases.count)
        }
        addRoutes(old, new, succession)
        departWithOwners(old, succession)
    }

    private mutating func addEndpoints(_ old: CounterLayout, _ new: CounterLayout, _ succession: Succession) {
        let count = CounterLayout.EndpointCounter.allCases.count
        let endpoints = succession.endpoints
        add(old.endpoint(0, .first), new.endpoint(0, .first), endpoints.changedNew.lowerBound * count)
        for to in endpoints.changedNew {
            guard let from = endpoints.toOld[to] else { continue }
            add(old.endpoint(from, .first), new.endpoint(to, .first), count)
        }
        add(
            old.endpoint(endpoints.changedOld.upperBound, .first),
            new.endpoint(endpoints.changedNew.upperBound, .first),
            (endpoints.toNew.count - endpoints.changedOld.upperBound) * count)
    }

    private mutating func addRoutes(_ old: CounterLayout, _ new: CounterLayout, _ succession: Succession) {
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
    }

    /// The requests of listeners and routes that are gone.
    private mutating func departWithOwners(_ old: CounterLayout, _ succession: Succession) {
        for listener in succession.listeners.changedOld where succession.listeners.toNew[listener] == nil {
            depart(old.requests(row: old.unroutedRow(listener: listener)))
        }
        for route in succession.routes.changedOld where succession.routes.toNew[route] == nil {
            for branch in 0..<max(1, succession.previous.routes[route].pools.count) {
                depart(old.requests(row: old.row(route: route, branch: branch)))
            }
        }
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
        guard count > 0 else { return }
        // Neighbours travel together: most reloads change little.
        if let last = moves.last, last.from + last.count == from, last.to + last.count == to {
            moves[moves.count - 1] = Move(from: last.from, to: last.to, count: last.count + count)
        } else {
            moves.append(Move(from: from, to: to, count: count))
        }
    }
}

extension CaseIterable where Self: RawRepresentable, RawValue == Int {
    /// The case with which the counters of one thing begin.
    fileprivate static var first: Self { allCases[allCases.startIndex] }
}
