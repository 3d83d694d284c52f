import ApusHTTP
import ApusModel
import ApusTransport

/// Who else there is: the control plane and the other workers, what they said, and what they were told.
struct Neighbours {
    /// Which of the workers this one is.
    let index: Int
    /// Where this one hears the others.
    let mailbox: Mailbox<WorkerMessage>
    /// The other workers' mailboxes.
    let others: [Mailbox<WorkerMessage>]
    /// What other workers said that have gone over to a snapshot that this one has not got yet.
    var earlyMessages: [OriginsMessage] = []
    /// Where pools and their endpoints went at the latest reload, for what others said before it.
    var latestPools: Renaming?
    var latestMembers: [Renaming?] = []
    /// By endpoint: whether the latest connect failed, as the control plane was told.
    var hasFailed: [Bool]
    /// By endpoint: the requests that it gave no response.
    var silences: [Silence]

    /// Requests that an endpoint gave no response, for the control plane to log.
    struct Silence {
        var count = 0
        /// When the control plane was told last.
        var toldAt = Int64.min
    }
    /// Connections that were turned away, and requests that came back, for the control plane to log.
    private var refusals: [RefusalName: Silence] = [:]
    /// When the control plane was last told that this machine lacks something for connections.
    private var toldShortage = Int64.min

    init(index: Int, mailbox: Mailbox<WorkerMessage>, others: [Mailbox<WorkerMessage>], endpoints: Int) {
        self.index = index
        self.mailbox = mailbox
        self.others = others
        hasFailed = Array(repeating: false, count: endpoints)
        silences = Array(repeating: Silence(), count: endpoints)
    }

    /// An endpoint gave a request no response.
    ///
    /// - Returns: how many that are now, if it is time to say so: once a second at most.
    mutating func noteNoResponse(of endpoint: Int, now: Int64) -> Int? {
        silences[endpoint].count += 1
        guard silences[endpoint].toldAt == .min || now - silences[endpoint].toldAt >= 1_000_000 else { return nil }
        defer { silences[endpoint] = Silence(toldAt: now) }
        return silences[endpoint].count
    }

    /// A connection was turned away.
    ///
    /// - Returns: how many that are now, if it is time to say so: once a second at most.
    mutating func noteTurnedAway(_ reason: Reason, listener: Int, now: Int64) -> Int? {
        note(RefusalName(reason: reason, place: listener), now)
    }

    /// A request of that route came back that this process had forwarded.
    ///
    /// - Returns: how many that are now, if it is time to say so: once a second at most.
    mutating func noteLoop(ofRoute route: Int, now: Int64) -> Int? {
        note(RefusalName(reason: .loopDetected, place: route), now)
    }

    private mutating func note(_ name: RefusalName, _ now: Int64) -> Int? {
        var note = refusals[name] ?? Silence()
        note.count += 1
        let isDue = note.toldAt == .min || now - note.toldAt >= 1_000_000
        refusals[name] = isDue ? Silence(toldAt: now) : note
        return isDue ? note.count : nil
    }

    /// Listeners and routes have other indices now.
    mutating func forgetRefusals() { refusals = [:] }

    private struct RefusalName: Hashable {
        let reason: Reason
        /// The listener's index, or the route's.
        let place: Int
    }

    /// Whether the control plane is to be told once more that this machine lacks something: each second, and not for each
    /// request.
    mutating func mayTellShortage(_ now: Int64) -> Bool {
        guard toldShortage == .min || now - toldShortage >= 1_000_000 else { return false }
        toldShortage = now
        return true
    }

    /// What an endpoint of a pool is called that was told of before the latest reload; nil for one that is gone.
    func renamedLately(_ endpoint: Int32, ofPool pool: Int) -> Int32? {
        guard let members = latestMembers[pool] else { return endpoint }
        return members.toNew[Int(endpoint)].map { Int32(truncatingIfNeeded: $0) }
    }
}
