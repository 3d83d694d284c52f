import ApusAddresses
public import ApusModel
public import ApusTransport
import Synchronization

/// A snapshot that is ready to be handed to the workers of a data plane: what it needs is bound and built.
public struct PreparedReload: Sendable {
    let adoption: Adoption
    let addresses: [SocketAddress]
    let log: AccessLogSinks.Prepared
    public let succession: Succession

    /// Gives up what was bound. Only for one that was not handed over.
    public func cancel() {
        adoption.cancel()
        log.discard()
    }
}

extension DataPlane {
    /// What requests and connections that are under way belong to.
    ///
    /// Nil when the data plane is ending.
    public func census() async -> Census? {
        let taking = CensusTaking(workers: mailboxes.count)
        let isEnding = running.withLock { running in
            guard !running.isEnding else { return true }
            for mailbox in mailboxes { mailbox.post(.census(taking)) }
            return false
        }
        return isEnding ? nil : await taking.result()
    }

    /// Binds the listeners that are new and builds what the workers need, while they go on as they are.
    ///
    /// One reload at a time: `succession` begins with the snapshot that this data plane has. Takes time where pools are
    /// large and hashed.
    ///
    /// - Parameter shields: what engines are made from, as in `init`.
    public func prepare(
        _ succession: Succession, shields: (any LinkShields)? = nil
    ) throws(DataPlaneError) -> PreparedReload {
        let (old, oldSettings, oldAddresses, banks, writers) = running.withLock {
            ($0.shared, $0.settings, $0.addresses, $0.banks, $0.logs)
        }
        precondition(succession.previous === old.snapshot, "a succession must begin with the snapshot that runs")
        let snapshot = succession.snapshot
        var sockets = ListeningSockets(
            workers: mailboxes.count,
            besides: zip(oldAddresses, old.snapshot.listeners).filter { !$1.isRetired }.map(\.0))
        var addresses: [SocketAddress] = []
        do throws(DataPlaneError) {
            for (index, listener) in snapshot.listeners.enumerated() {
                if let origin = succession.listeners.toOld[index],
                    listener.isRetired || !succession.previous.listeners[origin].isRetired
                {
                    addresses.append(oldAddresses[origin])
                } else {
                    addresses.append(try sockets.bind(listener.bind, listener: index))
                }
            }
            let shared = SharedState(snapshot, epoch: old.epoch + 1, lifetime: lifetime)
            let preparedLog = try log.prepare(succession, succeeding: writers)
            let settings = WorkerSettings(
                snapshot, listenerAddress: addresses, mark: lifetime.mark, keeping: oldSettings, through: succession)
            let adoption = Adoption(
                succession, shared: shared, settings: settings, shields: shields, banks: banks,
                sockets: sockets.sockets,
                logs: preparedLog.writers, now: monotonicMicroseconds())
            return PreparedReload(
                adoption: adoption, addresses: addresses, log: preparedLog, succession: succession)
        } catch {
            sockets.closeAll()
            throw error
        }
    }

    /// Has every worker go over to what was prepared. What is said to the workers from now on is said in its indices.
    ///
    /// - Returns: false, and nothing has changed, when the data plane is ending.
    public func handOver(_ prepared: PreparedReload) -> Bool {
        running.withLock { running in
            guard !running.isEnding else { return false }
            let adoption = prepared.adoption
            running.sockets = zip(running.sockets, adoption.sockets).map { own, new in
                own.compactMap { socket in
                    guard let renamed = adoption.succession.listeners.toNew[socket.listener],
                        !adoption.succession.snapshot.listeners[renamed].isRetired
                    else { return nil }
                    return ListeningSocket(socket: socket.socket, listener: renamed)
                } + new
            }
            running.shared = adoption.shared
            running.settings = adoption.settings
            running.shields = adoption.shields
            running.banks = adoption.banks
            running.addresses = prepared.addresses
            running.logs = prepared.log.writers
            log.use(prepared.log)
            for mailbox in mailboxes { mailbox.post(.adopt(adoption)) }
            return true
        }
    }

    /// Returns when every worker has gone over; the counters are complete then.
    public func finish(_ prepared: PreparedReload) async {
        await prepared.adoption.arrivals.wait()
        log.endPrevious()
    }
}
