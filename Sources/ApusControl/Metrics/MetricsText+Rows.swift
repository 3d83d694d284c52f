import ApusModel

/// Which requests are counted together in a scrape, and how many of them there may be: routes can be thousands, and a
/// series for each of their endpoints and bounds would be more than a scrape can carry.
extension MetricsText {
    private static let reserved: Set<String> = ["none", "other"]

    static func rows(of snapshot: Snapshot, _ layout: CounterLayout, series: Int) -> [Row] {
        var room = series
        return snapshot.listeners.indices.filter { !snapshot.listeners[$0].isRetired }.flatMap { listener in
            let routes = snapshot.listeners[listener].routes
            let names = SnapshotNames.unique(snapshot.routes[routes].map(\.name), reserved: reserved)
            var rows: [Row] = []
            var joined: [Row] = []
            for (route, name) in zip(routes, names) {
                let own = Self.rows(of: route, name, listener, snapshot, layout)
                let needed = own.reduce(0) { $0 + Self.seriesCount(of: $1, layout) }
                if needed <= room {
                    room -= needed
                    rows += own
                } else {
                    // Nor does any that follows have its own, so that the order alone tells which do.
                    room = 0
                    join(own, to: &joined)
                }
            }
            let unrouted = Row(
                indices: [layout.unroutedRow(listener: listener)], listener: listener, route: "none", pool: nil)
            return rows + joined + [unrouted]
        }
    }

    private static func rows(
        of route: Int, _ name: String, _ listener: Int, _ snapshot: Snapshot, _ layout: CounterLayout
    ) -> [Row] {
        let pools = snapshot.routes[route].pools.map(\.pool) as [Int?]
        return (pools.isEmpty ? [nil] : pools).enumerated().map { branch, pool in
            Row(indices: [layout.row(route: route, branch: branch)], listener: listener, route: name, pool: pool)
        }
    }

    private static func join(_ rows: [Row], to joined: inout [Row]) {
        for row in rows {
            if let place = joined.firstIndex(where: { $0.pool == row.pool }) {
                joined[place].indices += row.indices
            } else {
                joined.append(Row(indices: row.indices, listener: row.listener, route: "other", pool: row.pool))
            }
        }
    }

    /// Series of a row, with the classes that are always listed: each endpoint's and Apus's own, and the histogram.
    private static func seriesCount(of row: Row, _ layout: CounterLayout) -> Int {
        (layout.endpoints(row: row.indices[0]).count + 1) * alwaysListed.count + CounterLayout.latencyBounds.count + 3
    }

    /// The counters that `slot` names for each of the row's own rows, added up.
    func total(of row: Row, _ slot: (Int) -> Int) -> UInt64 {
        row.indices.reduce(0) { $0 &+ counters.total(slot($1)) }
    }
}
