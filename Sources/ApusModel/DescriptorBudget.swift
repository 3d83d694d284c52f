/// How the file descriptors that a process may have are shared out, and how many it needs.
///
/// The system gives the lowest number that is free. So whatever the others do, traffic that takes none from `bound` on
/// leaves `kept` of them to the admin server, to probes, lookups of names, files and upgrades. There must never be none at
/// all: the library that runs Swift's threads, libdispatch, looks into /proc now and then, and ends the process when it cannot.
public struct DescriptorBudget: Sendable, Equatable {
    /// How many the process may have open.
    public let limit: Int
    /// Workers of the process: each may hold one for the moment in which it turns a client away.
    public let workers: Int

    public init(limit: UInt64, workers: Int) {
        self.limit = Int(clamping: limit)
        self.workers = workers
    }

    /// Connections that the admin server may have: an eighth, 4 at least and 128 at most.
    public var adminConnections: Int { max(Self.leastAdminConnections, min(128, limit / 8)) }
    static let leastAdminConnections = 4

    /// Kept from probes, too: for files, lookups, upgrades, and whatever runs beneath.
    static let spare = 4

    /// Kept from traffic.
    public var kept: Int { adminConnections + Self.spare + Self.probes + workers }
    /// Probes at once that there is always room for.
    static let probes = 4

    /// The first descriptor that is not for traffic.
    public var bound: Int32 { Int32(clamping: max(0, limit - kept)) }

    /// The first descriptor that is not for probes, either.
    public var probeBound: Int32 { Int32(clamping: max(0, limit - Self.spare - workers)) }

    /// How many a process needs to serve.
    ///
    /// - Parameters:
    ///   - open: those that it has already.
    ///   - takesSignals: what delivers timers and signals is still to be made.
    ///   - adminListeners: each keeps a few for connections.
    ///   - sockets: listening sockets that it has not been handed by another process.
    public static func needed(
        open: Int, takesSignals: Bool, workers: Int, sockets: Int, adminListeners: Int, logs: Int
    ) -> Int {
        // Of a worker: its poller, its mailbox and the one that it holds back.
        let traffic = 3 * workers + sockets
        // The control plane's loop, its listening sockets with what they hold back, and what writes logs.
        let control = 3 + (takesSignals ? 10 : 0) + 5 * adminListeners + 4 * logs
        // A client and its origin.
        return limit(leaving: open + traffic + control + 2, workers: workers)
    }

    /// The lowest limit of which so many are not kept from traffic: more are kept of a higher one.
    static func limit(leaving count: Int, workers: Int) -> Int {
        var limit = count
        // One more adds one to `bound`, or to what is kept: this goes past no limit that suffices.
        while true {
            let bound = Int(DescriptorBudget(limit: UInt64(limit), workers: workers).bound)
            guard bound < count else { return limit }
            limit += count - bound
        }
    }
}
