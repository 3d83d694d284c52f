import ApusModel
import ApusProcess
import NIOCore

/// What clients of the admin server may take, all its listeners together, before and after they have said who they are.
struct AdminLimits: Sendable {
    /// Connections open at once.
    var connections = 128
    /// How many of them are kept for listeners by which something can be changed; no more than half.
    var reservedForChanges = 4
    /// From the first byte of a request head to its last, and from the start of a connection to the first byte.
    var requestHead = TimeAmount.seconds(10)
    /// How long a connection that has served a request may wait for the next one.
    var idle = TimeAmount.seconds(75)
    /// For `progress` more bytes of a request body, or of an answer.
    var body = TimeAmount.seconds(30)
    /// What counts as progress.
    var progress = 16 << 10
    /// How long the rest of a refused request is read and thrown away, so that its client reads the answer.
    var linger = TimeAmount.seconds(5)
    /// After this time without progress, a connection in the middle of a message may make way for a new one.
    var patience = TimeAmount.seconds(5)
    /// Bytes of all request bodies that are being read or carried out.
    var requestMemory = 64 << 20
    /// Bytes of all answers that wait to be read by their clients.
    var answerMemory = 64 << 20

    /// How many may be open by listeners that change nothing.
    var connectionsOfReaders: Int { connections - min(reservedForChanges, connections / 2) }

    /// An eighth of the descriptors is the most that the admin server takes: the others are for traffic.
    static func ofThisProcess() -> AdminLimits {
        var limits = AdminLimits()
        guard let descriptors = OpenFiles.limit else { return limits }
        limits.connections = DescriptorBudget(limit: descriptors, workers: 0).adminConnections
        return limits
    }
}
