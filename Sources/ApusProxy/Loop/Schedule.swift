import ApusBalancing
import ApusExchange
import ApusTransport

/// The room of what is due: deadlines, alarms, and pools in which there is room.
///
/// A time is stored where it belongs, with its connection or exchange, and looked at when the wheel's entry fires: later
/// than before costs a store, earlier costs an entry.
struct Schedule: ~Copyable {
    /// Deadlines of connections and exchanges.
    var timers: TimerWheel
    /// By slot of exchange, whatever is in it: the tick of the wheel's entry for its deadline. An exchange after another
    /// in the same slot then costs no entry.
    private var exchangeTicks: [Int64] = []
    /// What exchanges wait for: the end of a pause, a place, an attempt's time limit.
    var alarms: TimerWheel
    /// Pools in which something has ended while requests wait; each as often as that happened.
    var roomInPools: [Int] = []
    /// Pools whose endpoints have come or gone: everybody who waits there looks again.
    var changedPools: [Int] = []

    init(now: Int64) {
        timers = TimerWheel(now: now)
        alarms = TimerWheel(now: now, tickShift: TimerWheel.fine)
    }

    /// In the wheel of deadlines, connections are named by their handles, which are 2^32 or more; the exchanges, by slot,
    /// begin here. Below are the listeners, by place.
    static let exchangeTokens: UInt64 = 0x8000_0000
    /// Wakes the loop at a time that is looked at in every turn.
    static let wakeToken: UInt64 = 0xffff_fffe
    /// What is kept for the control plane is to be told (`Proxy.tellDue`).
    static let tellToken: UInt64 = 0xffff_fffd

    /// How long the loop may sleep, in milliseconds; -1 for as long as nothing happens.
    mutating func millisecondsToNext(now: Int64) -> Int32 {
        let coarse = timers.millisecondsToNext(now: now)
        guard alarms.count > 0, let fine = alarms.millisecondsToNext(now: now) else { return coarse ?? -1 }
        return min(fine, coarse ?? fine)
    }
}

/// The queues of pools.
extension Schedule {
    /// Endpoints of the pool have come or gone: every request that waits looks again, for a place or for the news that there
    /// is nobody left to wait for. Each worker is told by itself.
    mutating func noteChange(in pool: Int, _ origins: borrowing Origins<CountsOfAll>) {
        if origins.dispatchers[pool].waitingCount > 0, !changedPools.contains(pool) { changedPools.append(pool) }
    }

    /// Has every request that waits look again: what made room may have told so in indices of another snapshot.
    mutating func wakeQueues(_ origins: borrowing Origins<CountsOfAll>) {
        for pool in origins.rules.indices where origins.rules[pool].hasQueue { noteChange(in: pool, origins) }
    }
}

extension Schedule {
    /// The exchange is new: there must be a place for the tick of its slot.
    @inline(__always)
    mutating func makePlace(forExchange x: Int) {
        while exchangeTicks.count <= x { exchangeTicks.append(.max) }
    }

    /// Sets when the connection must have proceeded.
    @inline(__always)
    mutating func setDeadline(_ connection: Int, at time: Int64, _ connections: inout Connections) {
        connections[connection].deadline = time
        if TimerWheel.tick(for: time) < connections[connection].armedTick { arm(connection, &connections) }
    }

    /// The same of an exchange.
    @inline(__always)
    mutating func setDeadline(exchange x: Int, at time: Int64, _ exchanges: inout Slab<Exchange>) {
        exchanges[x].deadline = time
        if TimerWheel.tick(for: time) < exchangeTicks[x] { arm(exchange: x, &exchanges) }
    }

    /// Sets when the exchange is to be looked at that waits for something.
    mutating func setAlarm(_ x: Int, at time: Int64, _ exchanges: inout Slab<Exchange>) {
        exchanges[x].alarm = time
        if TimerWheel.tick(for: time, shift: TimerWheel.fine) < exchanges[x].alarmTick { armAlarm(x, &exchanges) }
    }

    private mutating func arm(_ connection: Int, _ connections: inout Connections) {
        let token = connections.handle(connection).token
        connections[connection].armedTick = timers.schedule(token, at: connections[connection].deadline)
    }

    private mutating func arm(exchange x: Int, _ exchanges: inout Slab<Exchange>) {
        exchangeTicks[x] = timers.schedule(Self.exchangeTokens + UInt64(x), at: exchanges[x].deadline)
    }

    private mutating func armAlarm(_ x: Int, _ exchanges: inout Slab<Exchange>) {
        exchanges[x].alarmTick = alarms.schedule(exchanges.handle(x).token, at: exchanges[x].alarm)
    }

    /// An entry of the wheel has fired.
    ///
    /// - Returns: the connection, if its deadline has come: it may have been put off, or be gone.
    mutating func dueConnection(
        _ handle: SlabHandle, _ tick: Int64, now: Int64, _ connections: inout Connections
    ) -> Int? {
        // Stale: the connection is gone, or was armed again for an earlier time.
        guard let connection = connections.index(handle), connections[connection].armedTick == tick else { return nil }
        connections[connection].armedTick = .max
        if connections[connection].deadline <= now { return connection }
        if connections[connection].deadline != .max { arm(connection, &connections) }
        return nil
    }

    /// The same of an exchange, by the token of its slot.
    mutating func dueExchange(
        _ token: UInt64, _ tick: Int64, now: Int64, _ exchanges: inout Slab<Exchange>
    ) -> Int? {
        let x = Int(token - Self.exchangeTokens)
        guard exchangeTicks[x] == tick else { return nil }
        exchangeTicks[x] = .max
        guard exchanges.isUsed(x), exchanges[x].deadline != .max else { return nil }
        if exchanges[x].deadline <= now { return x }
        arm(exchange: x, &exchanges)
        return nil
    }

    /// The next exchange whose alarm has come; nil when there is none left.
    mutating func dueAlarm(now: Int64, _ exchanges: inout Slab<Exchange>) -> Int? {
        while let (token, tick) = alarms.popExpired(now: now) {
            guard let x = exchanges.index(SlabHandle(token: token)), exchanges[x].alarmTick == tick else { continue }
            exchanges[x].alarmTick = .max
            if exchanges[x].alarm <= now {
                exchanges[x].alarm = .max
                return x
            }
            if exchanges[x].alarm != .max { armAlarm(x, &exchanges) }
        }
        return nil
    }
}
