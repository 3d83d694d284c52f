/// The banks of counters that snapshots share, one after the other, while only endpoints come and go between them, and what
/// was retired goes.
///
/// What did not change goes on being counted in its slot. What did gets slots that were never used, so that whoever still
/// reads by the layout before finds what was counted until then. When the room is used up, the next reload makes another.
public final class CounterRoom: Sendable {
    /// How many slots a bank has. Those that no layout has named yet are zero.
    public let slots: Int
    /// By row of its layouts: the pool that its requests go to; -1 for none.
    let pools: [Int32]

    init(_ layout: CounterLayout, of snapshot: Snapshot) {
        slots = layout.count + max(layout.count, 4_096)
        var pools = [Int32](repeating: -1, count: layout.rows.count)
        for route in snapshot.routes.indices {
            for (branch, pool) in snapshot.routes[route].pools.enumerated() {
                pools[layout.row(route: route, branch: branch)] = Int32(truncatingIfNeeded: pool.pool)
            }
        }
        self.pools = pools
    }
}

extension CounterLayout {
    /// The layout of the succession's snapshot in the same room. Nil when something has come or moved that is no endpoint,
    /// or when there is no room left. The last may go: what is retired stands there.
    init?(_ old: CounterLayout, continuedBy succession: Succession, in room: CounterRoom) {
        guard succession.routes.losesOnlyTheLast, succession.listeners.losesOnlyTheLast,
            succession.pools.losesOnlyTheLast
        else { return nil }
        self = old
        let snapshot = succession.snapshot
        dropLast(routes: routeRows.count - snapshot.routes.count, listenersBehind: snapshot.listeners.count)
        let kept = snapshot.pools.indices.map { succession.keepsColumns(ofPool: $0) }
        guard !succession.endpoints.isIdentity || kept.contains(false) else { return }
        if !succession.endpoints.isIdentity {
            endpointBase = count
            count += snapshot.endpoints.count * endpointStride
        }
        let columns = snapshot.pools.indices.map { Columns(snapshot, pool: $0) }
        for row in 0..<unroutedBase {
            let pool = Int(room.pools[row])
            guard kept.indices.contains(pool) else { continue }
            if kept[pool] { rows[row].rename(columns[pool]) } else { rows[row] = Row(columns[pool], at: &count) }
        }
        guard count <= room.slots else { return nil }
    }

    /// Their slots are not used again.
    private mutating func dropLast(routes: Int, listenersBehind listeners: Int) {
        if routes > 0 {
            let end = routeRows[routeRows.count - routes]
            rows.removeSubrange(end..<unroutedBase)
            routeRows.removeLast(routes)
            unroutedBase = end
        }
        rows.removeLast(rows.count - unroutedBase - listeners)
    }
}

extension Succession {
    /// Whether what requests to the pool may be counted under, its endpoints and those of its fallback, is what it was, in
    /// the same order.
    func keepsColumns(ofPool pool: Int) -> Bool {
        guard let old = pools.toOld[pool], keepsMembers[pool] else { return false }
        return switch (snapshot.pools[pool].fallback, previous.pools[old].fallback) {
        case (.pool(let fallback), .pool(let before)):
            pools.toOld[fallback] == before && keepsMembers[fallback]
        case (.pool, _), (_, .pool): false
        default: true
        }
    }
}
