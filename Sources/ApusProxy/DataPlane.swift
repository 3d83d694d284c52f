public import ApusModel
import ApusTransport
import Synchronization

/// The workers and what they share: made from a snapshot, started, drained, ended.
///
/// Every method may be called from any thread; none but `waitUntilEnded` blocks.
public final class DataPlane: DataPlaneLink {
    public let snapshot: Snapshot
    /// Where each listener is bound, in the order of `snapshot.listeners`: with port 0, the port the system gave.
    public let addresses: [SocketAddress]
    public let facts: AsyncStream<ReportedFact>

    private let shared: SharedState
    private let banks: [CounterBank]
    private let mailboxes: [Mailbox<WorkerMessage>]
    private let log: AccessLogSink?
    /// By worker, then by listener.
    private let listeners: [[Socket]]
    private let threads = Mutex<[SystemThread]>([])

    /// Binds every listener, once per worker. Accepts nothing before `start`.
    public init(_ snapshot: Snapshot) throws(DataPlaneError) {
        self.snapshot = snapshot
        let (facts, continuation) = AsyncStream.makeStream(of: ReportedFact.self)
        self.facts = facts
        shared = SharedState(snapshot, facts: continuation)
        log = try AccessLogSink(snapshot.accessLog, workers: snapshot.workers)
        (listeners, addresses) = try Self.bind(snapshot)
        let count = shared.layout.count
        banks = (0..<snapshot.workers).map { _ in CounterBank(count: count) }
        do {
            mailboxes = try (0..<snapshot.workers).map { _ throws(SystemError) in try Mailbox() }
        } catch {
            throw .system(call: error.call, errno: error.errno)
        }
    }

    /// One listening socket per worker and listener. Where the system chooses the port, the first worker's choice is
    /// everybody's.
    private static func bind(_ snapshot: Snapshot) throws(DataPlaneError) -> ([[Socket]], [SocketAddress]) {
        var sockets: [[Socket]] = []
        var addresses = snapshot.listeners.map(\.bind)
        for address in addresses where address.port != 0 {
            let result = Socket.isFree(WireAddress(address))
            if result.isFailure { throw .bind(address, errno: result.errno) }
        }
        for _ in 0..<snapshot.workers {
            var own: [Socket] = []
            for place in addresses.indices {
                let result = Socket.listen(WireAddress(addresses[place]))
                guard !result.isFailure else {
                    for socket in sockets.joined() + own { socket.close() }
                    throw .bind(snapshot.listeners[place].bind, errno: result.errno)
                }
                own.append(Socket(descriptor: Int32(truncatingIfNeeded: result.rawValue)))
                addresses[place] = SocketAddress(ip: addresses[place].ip, port: own[place].localAddress.port)
            }
            sockets.append(own)
        }
        return (sockets, addresses)
    }

    /// Starts one thread per worker. Call once.
    ///
    /// - Throws: `DataPlaneError.system` when the system refuses a thread or a poller; no worker runs then.
    public func start() throws(DataPlaneError) {
        let settings = WorkerSettings(snapshot, listenerAddress: addresses)
        let names = AccessLogNames(snapshot)
        do throws(SystemError) {
            try log?.start()
            for index in 0..<snapshot.workers { try startWorker(index, settings, names) }
        } catch {
            stop()
            throw .system(call: error.call, errno: error.errno)
        }
    }

    private func startWorker(
        _ index: Int, _ settings: WorkerSettings, _ names: AccessLogNames
    ) throws(SystemError) {
        let writer = log.map { AccessLogWriter(ring: $0.rings[index], names: names) }
        let (shared, bank, mailbox, listeners) = (shared, banks[index], mailboxes[index], listeners[index])
        let others = mailboxes.indices.filter { $0 != index }.map { mailboxes[$0] }
        let thread = try SystemThread(name: "apus-worker-\(index)") {
            do throws(SystemError) {
                var worker = Worker(
                    index: index, shared: shared, settings: settings, counters: bank, mailbox: mailbox,
                    others: others, listeners: listeners, log: writer, poller: try Poller())
                try worker.run()
                shared.workerEnded()
            } catch {
                fatalError("worker \(index) could not start: \(error.call), errno \(error.errno)")
            }
        }
        threads.withLock { $0.append(thread) }
    }

    /// Stops accepting, lets what is in flight finish with `Connection: close`, and ends the workers: at once when
    /// nothing is left, by `snapshot.timeouts.drain` at the latest.
    public func drain() {
        let time = Duration.seconds(0) + snapshot.timeouts.drain
        let (seconds, attoseconds) = time.components
        for mailbox in mailboxes { mailbox.post(.drain(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)) }
    }

    /// Cuts every connection and ends the workers.
    public func stop() {
        for mailbox in mailboxes { mailbox.post(.stop) }
    }

    /// Blocks until every worker has ended and the access log is written.
    public func waitUntilEnded() {
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
        if !threads.isEmpty { log?.stop() }
        shared.facts.finish()
    }

    public func setEndpoint(_ endpoint: Int, available: Bool) {
        for mailbox in mailboxes { mailbox.post(.setEndpoint(endpoint, available: available)) }
    }

    public func setWeight(_ endpoint: Int, _ weight: Int) {
        for mailbox in mailboxes { mailbox.post(.setWeight(endpoint, weight)) }
    }

    public func setBreaker(_ breaker: BreakerName, _ state: BreakerState, exceptWorker reporter: Int) {
        for (worker, mailbox) in mailboxes.enumerated() where worker != reporter {
            mailbox.post(.setBreaker(breaker, state))
        }
    }

    public func total(_ slot: Int) -> UInt64 {
        banks.reduce(0) { $0 &+ $1.value(slot) }
    }

    public func value(_ slot: Int, worker: Int) -> UInt64 { banks[worker].value(slot) }
}

/// Why a data plane could not be made.
public enum DataPlaneError: Error, Equatable, CustomStringConvertible {
    /// A listener's address could not be bound.
    case bind(SocketAddress, errno: Int32)
    /// The access log could not be opened.
    case accessLog(path: String, errno: Int32)
    /// The system refused descriptors or threads that the workers need.
    case system(call: String, errno: Int32)

    public var description: String {
        switch self {
        case .bind(let address, let errno): "cannot bind \(address): \(systemErrorText(errno))"
        case .accessLog(let path, let errno): "cannot open the access log \(path): \(systemErrorText(errno))"
        case .system(let call, let errno): "\(call) failed: \(systemErrorText(errno))"
        }
    }
}
