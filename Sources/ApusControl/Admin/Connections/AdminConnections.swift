import NIOCore
import Synchronization

/// The connections of all admin listeners together: how many there may be, and which one makes way for a new one.
///
/// At the bound a new connection is always let in where another one does nothing useful: first those that have sent
/// nothing, then those that wait between requests, then those whose heads are incomplete, the oldest first. A flood of
/// silent connections thus never locks an operator out.
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
        var standing: Standing
        var since: NIODeadline
    }

    private struct State {
        var entries: [ID: Entry] = [:]
        var nextID = 0
        var facts = AdminConnectionFacts()
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
            facts.open = state.entries.count
            facts.limit = limits.connections
            return facts
        }
    }

    /// How many are doing that.
    func count(_ standing: Standing) -> Int {
        state.withLock { $0.entries.values.count { $0.standing == standing } }
    }

    /// Takes a new connection in; nil when there are too many, and all of them are busy.
    func admit(_ channel: any Channel) -> ID? {
        let (id, victim) = state.withLock { state -> (ID?, (any Channel)?) in
            var victim: (any Channel)?
            if state.entries.count >= limits.connections {
                guard let id = victimID(among: state.entries) else {
                    state.facts.refused += 1
                    return (nil, nil)
                }
                victim = state.entries.removeValue(forKey: id)?.channel
                state.facts.evicted += 1
            }
            state.nextID += 1
            state.facts.accepted += 1
            state.entries[state.nextID] = Entry(channel: channel, standing: .silent, since: .now())
            return (state.nextID, victim)
        }
        victim?.triggerUserOutboundEvent(AdminConnectionHandler.MakeWay(), promise: nil)
        return id
    }

    /// Closes the connections that do least, as many as `count`: there are no descriptors left.
    func makeWay(_ count: Int) {
        let victims = state.withLock { state -> [any Channel] in
            var victims: [any Channel] = []
            while victims.count < count, let id = victimID(among: state.entries) {
                if let entry = state.entries.removeValue(forKey: id) { victims.append(entry.channel) }
                state.facts.evicted += 1
            }
            return victims
        }
        for victim in victims { victim.triggerUserOutboundEvent(AdminConnectionHandler.MakeWay(), promise: nil) }
    }

    /// The one that can best be missed; nil when none can.
    private func victimID(among entries: [ID: Entry]) -> ID? {
        let now = NIODeadline.now()
        let candidates = entries.filter { _, entry in
            switch entry.standing {
            case .lingering, .silent, .idle, .readingHead: true
            case .transferring: now - entry.since >= limits.patience
            case .busy: false
            }
        }
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
}
