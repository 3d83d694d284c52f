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
    /// What the control plane is told of once a second.
    var frequent = Throttle<Frequent.Cause, Frequent>(pause: 1_000_000)
    /// The wheel has an entry for what is kept of it.
    var willTell = false

    init(index: Int, mailbox: Mailbox<WorkerMessage>, others: [Mailbox<WorkerMessage>], endpoints: Int) {
        self.index = index
        self.mailbox = mailbox
        self.others = others
        hasFailed = Array(repeating: false, count: endpoints)
    }

    /// What an endpoint of a pool is called that was told of before the latest reload; nil for one that is gone.
    func renamedLately(_ endpoint: Int32, ofPool pool: Int) -> Int32? {
        guard let members = latestMembers[pool] else { return endpoint }
        return members.toNew[Int(endpoint)].map { Int32(truncatingIfNeeded: $0) }
    }
}
