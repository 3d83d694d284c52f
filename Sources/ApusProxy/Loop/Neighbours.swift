import ApusModel
import ApusTransport

/// Who else there is: the control plane and the other workers, what they said, and what they were told.
struct Neighbours {
    /// Which of the workers this one is.
    let index: Int
    let mailbox: Mailbox<WorkerMessage>
    /// The other workers' mailboxes.
    let others: [Mailbox<WorkerMessage>]
    /// What other workers said that have gone over to a snapshot that this one has not got yet.
    var earlyMessages: [WorkerMessage] = []
    /// Where pools and their endpoints went at the latest reload, for what others said before it.
    var latestPools: Renaming?
    var latestMembers: [Renaming?] = []
    /// By endpoint: whether the latest connect failed, as the control plane was told.
    var hasFailed: [Bool]
}
