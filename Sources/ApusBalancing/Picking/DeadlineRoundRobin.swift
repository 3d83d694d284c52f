/// Round robin by weight for large groups: every endpoint is due once per period, and who is due first is picked.
///
/// Time is virtual: 2^32 units are one full cycle, in which an endpoint of weight w is due w times, each a w-th of the
/// cycle after the one before (Zhang: "VirtualClock", SIGCOMM 1990; Envoy schedules weighted hosts the same way). Periods
/// are counted without rounding errors, so that every full cycle, of as many picks as the weights' sum, has every
/// endpoint exactly as often as its weight says. Where in its first period an endpoint begins is spread by the golden
/// ratio: a hundred endpoints of weight 1 come evenly between the picks of one of weight 100.
///
/// - An endpoint that is no candidate any more is dropped when it is due; one that comes back is due within one period
///   of the present time. It gets nothing for the time when it was away.
/// - One that was tried by the exchange stays due. One that is saturated gives its turn up, and is asked again a period
///   later.
/// - At a change of weight, what is left of the present period is scaled: half of the wait before is half of it after.
///
/// Cost: a logarithm per pick, and another for each endpoint that is due but saturated, tried or down.
public struct DeadlineRoundRobin: Sendable {
    @usableFromInline
    struct Turn: Sendable, BitwiseCopyable {
        /// When the endpoint is due. It wraps around: all deadlines are within one cycle of `time`.
        @usableFromInline var deadline: UInt64
        @usableFromInline var index: Int32
        /// What the division of cycles into periods has left over, in 1/weight of a unit.
        @usableFromInline var carry: Int32

        @inlinable
        init(deadline: UInt64, index: Int32, carry: Int32) {
            self.deadline = deadline
            self.index = index
            self.carry = carry
        }
    }

    @inlinable static var cycle: UInt64 { 1 << 32 }

    /// A heap by deadline in `0..<active`; behind it, those that the present pick has set aside.
    @usableFromInline var turns: [Turn] = []
    @usableFromInline var active = 0
    /// Where in `turns` an endpoint stands; -1 for one that was dropped.
    @usableFromInline var places: [Int32]
    /// The deadline of the last pick.
    @usableFromInline var time: UInt64 = 0

    init(_ endpoints: EndpointTable) {
        places = Array(repeating: -1, count: endpoints.count)
        turns.reserveCapacity(endpoints.count)
        for index in 0..<endpoints.count where endpoints.isCandidate(index) { enter(index, endpoints.weight(index)) }
    }

    // MARK: Picks

    @inlinable
    public mutating func pick<Load: EndpointLoad & ~Copyable & ~Escapable>(
        from endpoints: borrowing EndpointTable, excluding tried: TriedEndpoints, load: borrowing Load
    ) -> Int? {
        var picked: Int?
        while active > 0 {
            let index = Int(turns[0].index)
            if !endpoints.isCandidate(index) {
                dropFirst()
            } else if tried.contains(index) || load.isSaturated(index) {
                setFirstAside()
            } else {
                serveFirst(endpoints.weight(index))
                picked = index
                break
            }
        }
        while active < turns.count {
            let index = Int(turns[active].index)
            let waits = picked != nil && !tried.contains(index)
            bringBack(waiting: waits ? Self.cycle / UInt64(endpoints.weight(index)) : 0)
        }
        return picked
    }

    /// The first has been picked: it is due again a period later.
    @usableFromInline
    mutating func serveFirst(_ weight: Int) {
        if Self.isEarlier(time, turns[0].deadline) { time = turns[0].deadline }
        let (period, rest) = Self.cycle.quotientAndRemainder(dividingBy: UInt64(weight))
        var carry = Int(turns[0].carry) + Int(rest)
        var next = turns[0].deadline &+ period
        if carry >= weight {
            carry -= weight
            next &+= 1
        }
        turns[0].deadline = next
        turns[0].carry = Int32(carry)
        sink(from: 0)
    }

    @usableFromInline
    mutating func setFirstAside() {
        active -= 1
        exchange(0, active)
        sink(from: 0)
    }

    /// Puts the first that was set aside back among the others: due at once, or after a wait.
    @usableFromInline
    mutating func bringBack(waiting: UInt64) {
        let now = time &+ waiting
        // Never earlier than the present, or it would be picked several times in a row in the end.
        if Self.isEarlier(turns[active].deadline, now) { turns[active].deadline = now }
        active += 1
        rise(from: active - 1)
    }

    @usableFromInline
    mutating func dropFirst() {
        active -= 1
        exchange(0, active)
        exchange(active, turns.count - 1)
        places[Int(turns.removeLast().index)] = -1
        sink(from: 0)
    }

    // MARK: Changes

    /// Notes that the endpoint's weight has changed, from `old`, or its being a candidate.
    mutating func changed(_ index: Int, from old: Int, in endpoints: EndpointTable) {
        guard endpoints.isCandidate(index) else { return }
        let weight = endpoints.weight(index)
        let place = Int(places[index])
        guard place >= 0 else { return enter(index, weight) }
        guard old != weight else { return }
        let left = Self.isEarlier(time, turns[place].deadline) ? turns[place].deadline &- time : 0
        let scaled = old == 0 ? left : left * UInt64(old) / UInt64(weight)
        turns[place].deadline = time &+ min(scaled, Self.cycle / UInt64(weight))
        turns[place].carry = 0
        rise(from: place)
        sink(from: Int(places[index]))
    }

    private mutating func enter(_ index: Int, _ weight: Int) {
        append(firstTurn(of: index, weight))
        rise(from: active - 1)
    }

    private func firstTurn(of index: Int, _ weight: Int) -> Turn {
        let phase = UInt64(UInt32(truncatingIfNeeded: index) &* 0x9e37_79b9)
        let wait = (Self.cycle / UInt64(weight) * phase) >> 32
        return Turn(deadline: time &+ wait, index: Int32(index), carry: 0)
    }

    private mutating func append(_ turn: Turn) {
        turns.append(turn)
        places[Int(turn.index)] = Int32(turns.count - 1)
        active += 1
    }

    // MARK: A reload

    /// Endpoints are due when they were; those that are new, within one period.
    ///
    /// - Parameter before: the weights that `old` went by.
    mutating func inherit(
        from old: DeadlineRoundRobin, weights before: EndpointTable, _ survivors: Survivors,
        in endpoints: EndpointTable
    ) {
        time = old.time
        refill(endpoints) { index, weight in
            let origin = Int(survivors.toOld[index])
            guard origin >= 0, old.places[origin] >= 0 else { return nil }
            var turn = old.turns[Int(old.places[origin])]
            turn.index = Int32(index)
            let known = before.weight(origin)
            guard known != weight else { return turn }
            let left = Self.isEarlier(old.time, turn.deadline) ? turn.deadline &- old.time : 0
            let scaled = left * UInt64(known) / UInt64(weight)
            turn.deadline = old.time &+ min(scaled, Self.cycle / UInt64(weight))
            turn.carry = 0
            return turn
        }
    }

    /// What part of its period each endpoint still waits for its next pick; nil for one that was dropped.
    func waits(_ endpoints: EndpointTable) -> [Double?] {
        places.indices.map { index in
            guard places[index] >= 0, endpoints.weight(index) > 0 else { return nil }
            let left = Int64(bitPattern: turns[Int(places[index])].deadline &- time)
            return min(1, max(0, Double(left) * Double(endpoints.weight(index)) / Double(Self.cycle)))
        }
    }

    /// Goes on where endpoints wait for such parts of their periods; nil for one that is new.
    mutating func wait(_ waits: [Double?], in endpoints: EndpointTable) {
        let time = time
        refill(endpoints) { index, weight in
            waits[index].map { part in
                let wait = UInt64(part * Double(Self.cycle / UInt64(weight)))
                return Turn(deadline: time &+ wait, index: Int32(index), carry: 0)
            }
        }
    }

    /// Fills the heap with all candidates, in one step for each.
    ///
    /// - Parameter turn: of an endpoint and its weight; nil for one that is new.
    private mutating func refill(_ endpoints: EndpointTable, _ turn: (Int, Int) -> Turn?) {
        turns.removeAll(keepingCapacity: true)
        active = 0
        for index in 0..<endpoints.count {
            places[index] = -1
            guard endpoints.isCandidate(index) else { continue }
            let weight = endpoints.weight(index)
            append(turn(index, weight) ?? firstTurn(of: index, weight))
        }
        for place in (0..<active / 2).reversed() { sink(from: place) }
    }

    // MARK: The heap

    private static func isEarlier(_ one: UInt64, _ other: UInt64) -> Bool {
        Int64(bitPattern: one &- other) < 0
    }

    private mutating func exchange(_ one: Int, _ other: Int) {
        guard one != other else { return }
        turns.swapAt(one, other)
        places[Int(turns[one].index)] = Int32(one)
        places[Int(turns[other].index)] = Int32(other)
    }

    private mutating func rise(from place: Int) {
        let turn = turns[place]
        var place = place
        while place > 0 {
            let parent = (place - 1) / 2
            guard Self.isEarlier(turn.deadline, turns[parent].deadline) else { break }
            put(turns[parent], at: place)
            place = parent
        }
        put(turn, at: place)
    }

    private mutating func sink(from place: Int) {
        guard place < active else { return }
        let turn = turns[place]
        var place = place
        while true {
            var child = 2 * place + 1
            guard child < active else { break }
            if child + 1 < active, Self.isEarlier(turns[child + 1].deadline, turns[child].deadline) { child += 1 }
            guard Self.isEarlier(turns[child].deadline, turn.deadline) else { break }
            put(turns[child], at: place)
            place = child
        }
        put(turn, at: place)
    }

    private mutating func put(_ turn: Turn, at place: Int) {
        turns[place] = turn
        places[Int(turn.index)] = Int32(place)
    }
}
