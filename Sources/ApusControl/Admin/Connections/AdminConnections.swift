import NIOCore
import Synchronization

/// The connections of all admin listeners together: how many there may be, and which one makes way for a new one.
///
/// At the bound a new connection is always let in where another one does nothing useful: first those that have sent
/// nothing, then those that wait between requests, then those whose heads are incomplete, the oldest first. A flood of
/// silent connections thus never locks an operator out. A few places are for listeners by which something can be changed:
/// nor does a flood of readers.
public final class AdminConnections: Sendable {
    let limits: AdminLimits
    /// What the bodies of requests take.
    let requestMemory: AdminMemory
    /// What answers take until they have been written.
    let answerMemory: AdminMemory
    private let state = Mutex(State())

    /// What a connection does, in the order in which they make way.
    enum Standing: Int, Sendable {
        /// It has been answered for the last time, and what it still sends is thrown away.
        case lingering
        /// It has sent nothing yet.
        case silent
        /// It waits between two requests.
        case idle
        /// A request head is incomplete.
        case readingHead
        /// It must send the rest of a body, or read the rest of an answer.
        case transferring
        /// Its request is being carried out.
        case busy
    }

    typealias ID = Int

    private struct Entry {
        var channel: any Channel
        /// It came by a listener that may change something.
        var mayChange: Bool
        var standing = Standing.silent
        var since = NIODeadline.now()
        /// It has been asked to make way, and holds no place any more.
        var isLeaving = false
    }

    private struct State {
        var entries: [ID: Entry] = [:]
        var nextID = 0
        var facts = AdminConnectionFacts()

        /// The places that are taken.
        var taken: Int { entries.values.count { !$0.isLeaving } }
        /// Those of them by listeners that change nothing.
        var takenByReaders: Int { entries.values.count { !$0.isLeaving && !$0.mayChange } }
    }

    public convenience init() { self.init(limits: .ofThisProcess()) }

    init(limits: AdminLimits) {
        self.limits = limits
        requestMemory = AdminMemory(bytes: limits.requestMemory)
        answerMemory = AdminMemory(bytes: limits.answerMemory)
    }

    /// What is counted of them.
    var facts: AdminConnectionFacts {
        state.withLock { state in
            var facts = state.facts
            facts.open = state.taken
            facts.limit = limits.connections
            return facts
        }
    }

    /// How many are doing that.
    func count(_ standing: Standing) -> Int {
        state.withLock { $0.entries.values.count { !$0.isLeaving && $0.standing == standing } }
    }

    /// Takes a new connection in; nil when there are too many, and all of them are busy.
    ///
    /// - Parameter mayChange: whether it comes by a listener that may change something.
    func admit(_ channel: any Channel, mayChange: Bool) -> ID? {
        let (id, victims) = state.withLock { state -> (ID?, [any Channel]) in
            // Those who read make way for one another before they take a place that is kept.
            let readersAbove = mayChange ? -1 : state.takenByReaders - limits.connectionsOfReaders
            let excess = 1 + max(readersAbove, state.taken - limits.connections)
            let victims = leave(excess, &state, readersOnly: readersAbove >= 0)
            guard excess <= 0 || !victims.isEmpty else {
                state.facts.refused += 1
                return (nil, [])
            }
            state.nextID += 1
            state.facts.accepted += 1
            state.entries[state.nextID] = Entry(channel: channel, mayChange: mayChange)
            return (state.nextID, victims)
        }
        for victim in victims { victim.triggerUserOutboundEvent(AdminConnectionHandler.MakeWay(), promise: nil) }
        return id
    }

    /// Closes the connections that do least, as many as `count`: there are no descriptors left.
    func makeWay(_ count: Int) {
        let victims = state.withLock { leave(count, &$0) }
        for victim in victims { victim.triggerUserOutboundEvent(AdminConnectionHandler.MakeWay(), promise: nil) }
    }

    /// Takes their places from as many as `count`, those that do least.
    private func leave(_ count: Int, _ state: inout State, readersOnly: Bool = false) -> [any Channel] {
        var victims: [any Channel] = []
        while victims.count < count,
            let id = victimID(among: readersOnly ? state.entries.filter { !$0.value.mayChange } : state.entries)
        {
            state.entries[id]?.isLeaving = true
            if let entry = state.entries[id] { victims.append(entry.channel) }
        }
        return victims
    }

    /// Asked by a connection that is to make way, where it is read: whether it still does nothing useful, and closes. If
    /// not, it stays, and until another one goes there is one more than there should be.
    func leaves(_ id: ID) -> Bool {
        let now = NIODeadline.now()
        return state.withLock { state in
            guard let entry = state.entries[id], entry.isLeaving else { return false }
            if canBeMissed(entry, now) {
                state.entries[id] = nil
                state.facts.evicted += 1
                return true
            }
            state.entries[id]?.isLeaving = false
            return false
        }
    }

    private func canBeMissed(_ entry: Entry, _ now: NIODeadline) -> Bool {
        switch entry.standing {
        case .lingering, .silent, .idle, .readingHead: true
        case .transferring: now - entry.since >= limits.patience
        case .busy: false
        }
    }

    /// The one that can best be missed; nil when none can.
    private func victimID(among entries: [ID: Entry]) -> ID? {
        let now = NIODeadline.now()
        let candidates = entries.filter { !$0.value.isLeaving && canBeMissed($0.value, now) }
        return candidates.min { one, other in
            (one.value.standing.rawValue, one.value.since, one.key)
                < (other.value.standing.rawValue, other.value.since, other.key)
        }?.key
    }

    func changed(_ id: ID, to standing: Standing) {
        state.withLock { state in
            state.entries[id]?.standing = standing
            state.entries[id]?.since = .now()
        }
    }

    /// A TLS handshake was made, or has failed.
    func shook(isGood: Bool) {
        state.withLock { if isGood { $0.facts.handshakes += 1 } else { $0.facts.failedHandshakes += 1 } }
    }

    func closed(_ id: ID) {
        state.withLock { _ = $0.entries.removeValue(forKey: id) }
    }
}

/// The connections of the admin server, counted.
struct AdminConnectionFacts: Sendable {
    var open = 0
    var limit = 0
    var accepted: UInt64 = 0
    /// Closed at once: there were too many, all of them busy.
    var refused: UInt64 = 0
    /// Closed to make way for others.
    var evicted: UInt64 = 0
    /// TLS handshakes that came to their end, and that did not.
    var handshakes: UInt64 = 0
    var failedHandshakes: UInt64 = 0
}
