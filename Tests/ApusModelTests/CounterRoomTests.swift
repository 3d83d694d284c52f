import ApusAddresses
import Testing

@testable import ApusModel

/// Counters through many reloads: each thing's count is where its layout says, whatever came, went or moved.
@Suite struct CounterRoomTests {
    /// What is counted, by what it is.
    private enum Key: Hashable {
        case turns
        case pool(String)
        case endpoint(pool: String, String)
        case answers(route: String, branch: Int, endpoint: String?)
        case latency(route: String, branch: Int)
    }

    /// One worker's counters, and what they should say.
    private struct Worker {
        var snapshot: Snapshot
        var bank: [Int]
        var counted: [Key: Int] = [:]
        /// All requests that ended, whatever has become of what they were counted under.
        var answered = 0
        var rooms = 1

        init(_ snapshot: Snapshot) {
            self.snapshot = snapshot
            bank = Array(repeating: 0, count: snapshot.counterRoom.slots)
        }

        /// All that is counted, and its slot.
        static func slots(_ snapshot: Snapshot) -> [Key: Int] {
            let layout = snapshot.counterLayout
            var slots: [Key: Int] = [.turns: layout.worker(.loopTurns)]
            for (index, pool) in snapshot.pools.enumerated() { slots[.pool(pool.name)] = layout.pool(index, .hedges) }
            func name(_ endpoint: Int) -> String {
                let pool = snapshot.pools[snapshot.endpoints[endpoint].pool].name
                return "\(pool)/\(snapshot.endpoints[endpoint].name)"
            }
            for index in snapshot.endpoints.indices {
                slots[.endpoint(pool: "", name(index))] = layout.endpoint(index, .retries)
            }
            for (index, route) in snapshot.routes.enumerated() {
                for branch in route.pools.indices {
                    let row = layout.row(route: index, branch: branch)
                    slots[.latency(route: route.name, branch: branch)] = layout.latencySum(row: row)
                    for endpoint in layout.endpoints(row: row).map(Int?.init) + [nil] {
                        slots[.answers(route: route.name, branch: branch, endpoint: endpoint.map(name))] =
                            layout.requests(row: row, endpoint: endpoint, statusClass: 2)
                    }
                }
            }
            return slots
        }

        mutating func count(_ amount: Int) {
            for (key, slot) in Self.slots(snapshot) {
                bank[slot] += amount
                counted[key, default: 0] += amount
                if case .answers = key { answered += amount }
            }
        }

        mutating func adopt(_ succession: Succession) {
            let isSameRoom = succession.snapshot.counterRoom === snapshot.counterRoom
            var next = isSameRoom ? bank : Array(repeating: 0, count: succession.snapshot.counterRoom.slots)
            let moves = CounterMoves(succession)
            for move in moves.moves {
                for offset in 0..<move.count {
                    #expect(next[move.to + offset] == 0, "slot \(move.to + offset) was used")
                    next[move.to + offset] = bank[move.from + offset]
                }
            }
            let departed = succession.snapshot.counterLayout.departedRequests(statusClass: 0)
            for departure in moves.departures {
                for (offset, slot) in departure.enumerated() {
                    next[departed + offset % CounterLayout.statusClasses] += bank[slot]
                }
            }
            if !isSameRoom { rooms += 1 }
            bank = next
            snapshot = succession.snapshot
            let slots = Self.slots(snapshot)
            #expect(Set(slots.values).count == slots.count, "two things are counted in one slot")
            counted = counted.filter { slots[$0.key] != nil }
            for (key, slot) in slots { #expect(bank[slot] == counted[key] ?? 0, "\(key)") }
            let present = slots.filter { if case .answers = $0.key { true } else { false } }
            #expect(present.values.reduce(bank[departed + 2]) { $0 + bank[$1] } == answered)
        }
    }

    private static func address(_ last: Int) -> SocketAddress {
        SocketAddress(ip: IPAddress(ipv4: 0x0a00_0000 | UInt32(last)), port: 80)
    }

    @Test(arguments: 1...8) func eachCountIsWhereItsThingIs(seed: UInt64) {
        var state = seed &* 0x9e37_79b9_7f4a_7c15
        func random(_ below: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % below
        }
        let draft = SuccessionTests.Draft(
            pools: [("a", [1, 2, 3]), ("b", [4, 5]), ("c", [6])],
            listeners: [(80, [("x", [0, 1]), ("y", [1]), ("z", [2]), ("*", [0])])],
            change: { $0[1].fallback = .pool(0) })
        var loaded = draft.snapshot
        var worker = Worker(loaded)
        for step in 1...120 {
            worker.count(step)
            let pool = random(3)
            let members = (1...9).filter { _ in random(2) == 0 }
            loaded = loaded.replacing(
                endpoints: (members.isEmpty ? [1] : members).map {
                    Endpoint(name: "\($0)", address: Self.address($0), pool: pool)
                }, ofPool: pool)
            if step % 40 == 0 {
                // Other routes: a room of their own.
                var other = draft
                other.listeners[0].routes.insert((name: "new\(step)", pools: [1]), at: 0)
                loaded = Snapshot(
                    workers: 1, listeners: other.snapshot.listeners, routes: other.snapshot.routes,
                    pools: loaded.pools, endpoints: loaded.endpoints, sharing: loaded)
            }
            let used = worker.snapshot.endpoints.indices.filter { _ in random(2) == 0 }
            worker.adopt(
                Succession(
                    from: worker.snapshot, to: loaded,
                    census: Census(routes: [], pools: [0, 1, 2], endpoints: Set(used))))
        }
        #expect(worker.rooms > 4, "the room was never used up")
        #expect(worker.rooms < 60)
    }
}
