public import ApusAddresses
public import ApusModel
public import ApusTransport
import Synchronization

/// The workers and what they share: made from a snapshot, started, given others at reloads, drained, ended.
///
/// Every method may be called from any thread; none but `waitUntilEnded` blocks.
public final class DataPlane: DataPlaneLink {
    public let facts: AsyncStream<ReportedFact>
    let mailboxes: [Mailbox<WorkerMessage>]
    let lifetime: Lifetime
    let running: Mutex<Running>
    let log: AccessLogSinks
    private let descriptorBound: Int32
    private let threads = Mutex<[SystemThread]>([])

    /// What a reload changes.
    struct Running {
        var shared: SharedState
        var settings: WorkerSettings
        /// Nil where nobody speaks TLS.
        var shields: (any LinkShields)?
        var banks: [CounterBank]
        /// By worker.
        var sockets: [[ListeningSocket]]
        var addresses: [SocketAddress]
        /// By worker; nil for no access log.
        var logs: [AccessLogWriter?]
        var isEnding = false
    }

    /// Binds every listener, once per worker. Accepts nothing before `start`.
    ///
    /// A snapshot with problems is refused before anything is done with it.
    ///
    /// - Parameters:
    ///   - shields: what engines are made from for the snapshot's listeners (by their indices) and pools (by theirs, behind
    ///     the listeners'); needed where one of them is sealed.
    ///   - inheriting: sockets of another process, taken by the listeners of the same address; those of no listener are
    ///     closed.
    ///   - descriptorBound: descriptors from this one on are kept from clients and origins (`DescriptorBudget`).
    public init(
        _ snapshot: Snapshot, shields: (any LinkShields)? = nil, inheriting: [InheritedListener] = [],
        descriptorBound: Int32 = .max
    ) throws(DataPlaneError) {
        do { try snapshot.check() } catch { throw .snapshot(error) }
        self.descriptorBound = descriptorBound
        let (facts, continuation) = AsyncStream.makeStream(of: ReportedFact.self)
        self.facts = facts
        lifetime = Lifetime(workers: snapshot.workers, facts: continuation)
        let shared = SharedState(snapshot, epoch: 0, lifetime: lifetime)
        // It is about no index of any snapshot.
        log = AccessLogSinks(workers: snapshot.workers) {
            _ = continuation.yield(ReportedFact(epoch: .max, .accessLog($0)))
        }
        let preparedLog = try log.prepare(snapshot)
        log.use(preparedLog)
        let (sockets, addresses) = try Self.bind(snapshot, inheriting)
        let slots = snapshot.counterRoom.slots
        let banks = (0..<snapshot.workers).map { _ in CounterBank(count: slots) }
        running = Mutex(
            Running(
                shared: shared,
                settings: WorkerSettings(snapshot, listenerAddress: addresses, mark: lifetime.mark),
                shields: shields, banks: banks,
                sockets: sockets, addresses: addresses, logs: preparedLog.writers))
        do {
            mailboxes = try (0..<snapshot.workers).map { _ throws(SystemError) in try Mailbox() }
        } catch {
            throw .system(call: error.call, errno: error.errno)
        }
    }

    private static func bind(
        _ snapshot: Snapshot, _ inherited: [InheritedListener]
    ) throws(DataPlaneError) -> ([[ListeningSocket]], [SocketAddress]) {
        var sockets = ListeningSockets(workers: snapshot.workers, inheriting: inherited)
        var addresses: [SocketAddress] = []
        do throws(DataPlaneError) {
            for (index, listener) in snapshot.listeners.enumerated() {
                addresses.append(try sockets.bind(listener.bind, listener: index))
            }
        } catch {
            sockets.closeAll()
            throw error
        }
        sockets.closeUnclaimed()
        return (sockets.sockets, addresses)
    }

    /// The snapshot that it was given last.
    public var snapshot: Snapshot { running.withLock { $0.shared.snapshot } }

    /// Where each listener is bound, in the order of `snapshot.listeners`: with port 0, the port the system gave.
    public var addresses: [SocketAddress] { running.withLock { $0.addresses } }

    /// Copies of the descriptors on which the workers accept, for a process that takes over; the caller's to close. Nil when
    /// the data plane is ending.
    ///
    /// Not the descriptors themselves: a worker closes those of a listener that a reload removes, and what has the number
    /// then may be a client's connection.
    ///
    /// - Throws: `DataPlaneError.system` when there are no descriptors left.
    public func copyListeningSockets() throws(DataPlaneError) -> [InheritedListener]? {
        // Under the lock nobody is told to close any of them.
        try running.withLock { running throws(DataPlaneError) in
            guard !running.isEnding else { return nil }
            var copies: [InheritedListener] = []
            for socket in running.sockets.joined() {
                let copy = socket.socket.duplicate()
                guard !copy.isFailure else {
                    for copy in copies { Socket(descriptor: copy.descriptor).close() }
                    throw .system(call: "dup", errno: copy.errno)
                }
                copies.append(
                    InheritedListener(
                        descriptor: Int32(truncatingIfNeeded: copy.rawValue),
                        address: running.addresses[socket.listener]))
            }
            return copies
        }
    }

    // MARK: - Beginning and end

    /// Starts one thread per worker. Call once.
    ///
    /// - Throws: `DataPlaneError.system` when the system refuses a thread or a poller; no worker runs then.
    public func start() throws(DataPlaneError) {
        let settings = running.withLock { $0.settings }
        try log.start()
        do throws(SystemError) {
            for index in mailboxes.indices { try startWorker(index, settings) }
        } catch {
            stop()
            throw .system(call: error.call, errno: error.errno)
        }
    }

    private func startWorker(_ index: Int, _ settings: WorkerSettings) throws(SystemError) {
        let (shared, bank, sockets, writer, shields) = running.withLock {
            ($0.shared, $0.banks[index], $0.sockets[index], $0.logs[index], $0.shields)
        }
        let mailbox = mailboxes[index]
        let others = mailboxes.indices.filter { $0 != index }.map { mailboxes[$0] }
        let (lifetime, log, descriptorBound) = (lifetime, log, descriptorBound)
        let thread = try SystemThread(name: "apus-worker-\(index)") {
            do throws(SystemError) {
                var worker = Worker(
                    index: index, shared: shared, settings: settings, counters: bank, mailbox: mailbox,
                    others: others, listeners: sockets, log: writer,
                    links: try Links(pipeLimit: Worker.pipeLimit, descriptorBound: descriptorBound))
                if let shields { worker.proxy.adopt(shields) }
                try worker.run()
                // What becomes of the last lines is a fact.
                lifetime.workerEnded { log.stop() }
            } catch {
                fatalError("worker \(index) could not start: \(error.call), errno \(error.errno)")
            }
        }
        threads.withLock { $0.append(thread) }
    }

    /// Stops accepting, lets what is in flight finish with `Connection: close`, and ends the workers: at once when
    /// nothing is left, by `snapshot.timeouts.drain` at the latest.
    ///
    /// - Parameter handingOver: whether another process has the listening sockets: whoever waits to be accepted is its.
    ///   Nobody waits for this one's end then, so that downloads have an hour, if that is more.
    public func drain(handingOver: Bool = false) {
        let time = handingOver ? max(snapshot.timeouts.drain, .seconds(3600)) : snapshot.timeouts.drain
        let (seconds, attoseconds) = time.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        end(.drain(microseconds, isHandingOver: handingOver))
    }

    /// Cuts every connection and ends the workers.
    public func stop() { end(.stop) }

    private func end(_ message: WorkerMessage) {
        // Under the lock: no snapshot is handed over to workers that have been told to end.
        running.withLock { running in
            running.isEnding = true
            for mailbox in mailboxes { mailbox.post(message) }
        }
    }

    /// Blocks until every worker has ended and the access log is written.
    public func waitUntilEnded() {
        let threads = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in threads { thread.join() }
        if !threads.isEmpty { log.stop() }
        lifetime.facts.finish()
    }

    /// Opens the file of the access log anew, for whoever moved it away (log rotation). Lines go to the one file or to
    /// the other; none is lost. A log that is no file stays as it is.
    ///
    /// - Throws: `DataPlaneError.accessLog` when it cannot be opened: the log goes on in the old file.
    public func reopenLogs() throws(DataPlaneError) { try log.reopen() }

    /// Returns when every worker's loop has turned: it does not, while one is stuck.
    public func heartbeat() async {
        let countdown = Countdown(mailboxes.count)
        let isEnding = running.withLock { running in
            guard !running.isEnding else { return true }
            for mailbox in mailboxes { mailbox.post(.answer(countdown)) }
            return false
        }
        if !isEnding { await countdown.wait() }
    }
}

// MARK: - The control plane's words

extension DataPlane {
    public func setEndpoint(_ endpoint: Int, available: Bool) {
        for mailbox in mailboxes { mailbox.post(.origins(.setEndpoint(endpoint, available: available))) }
    }

    public func setWeight(_ endpoint: Int, _ weight: Int) {
        for mailbox in mailboxes { mailbox.post(.origins(.setWeight(endpoint, weight))) }
    }

    public func setBreaker(_ breaker: BreakerName, _ state: BreakerState, exceptWorker reporter: Int) {
        for (worker, mailbox) in mailboxes.enumerated() where worker != reporter {
            mailbox.post(.origins(.setBreaker(breaker, state)))
        }
    }

    public func giveUpIdleConnections() {
        for mailbox in mailboxes { mailbox.post(.giveUpIdle) }
    }
}

// MARK: - Counters

extension DataPlane {
    /// The counters of the snapshot that it was given last.
    public var counters: any CounterSource {
        running.withLock {
            Counters(banks: $0.banks, log: log, droppedLines: $0.shared.layout.worker(.accessLogDropped))
        }
    }

    public func total(_ slot: Int) -> UInt64 { counters.total(slot) }

    public func value(_ slot: Int, worker: Int) -> UInt64 { counters.value(slot, worker: worker) }

    private struct Counters: CounterSource {
        /// By worker.
        let banks: [CounterBank]
        let log: AccessLogSinks
        let droppedLines: Int

        func total(_ slot: Int) -> UInt64 {
            let counted = banks.reduce(0) { $0 &+ $1.value(slot) }
            // What the workers handed over and nobody got is dropped as well.
            return slot == droppedLines ? counted &+ log.lost : counted
        }

        func value(_ slot: Int, worker: Int) -> UInt64 { banks[worker].value(slot) }
    }
}
