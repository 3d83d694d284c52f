import ApusControl
import ApusHTTP
import ApusModel
import ApusProcess
import ApusProxy
import Logging
import ServiceLifecycle

/// Runs the data plane as a service: starts it once the admin server listens, hands what it sees to the prober, drains
/// it on a graceful shutdown or when a successor has taken over, and stops it on cancellation.
struct DataPlaneService: Service, CustomStringConvertible {
    let dataPlane: DataPlane
    let prober: Prober
    let serving: ServingState
    /// Known when the admin server listens, or at once when there is none or it comes later.
    let adminBound: AdminBinds
    /// Opens when clients are accepted.
    let isServing: Latch
    let configuration: RunningConfiguration
    let upgrade: Upgrade
    let surroundings: Surroundings?
    let logger: Logger
    let listening: @Sendable (LoadBalancer.Addresses) -> Void

    var description: String { "the data plane" }

    func run() async throws {
        let admin = try await withTaskCancellationHandler {
            try await adminBound.wait()
        } onCancel: {
            // The admin server could not listen, or all is over before it began.
            adminBound.end()
        }
        guard !Task.isCancelled else { return }
        try dataPlane.start()
        try surroundings?.takeover?.ready()
        serving.phase = .serving
        isServing.open()
        announce(LoadBalancer.Addresses(listeners: dataPlane.addresses, admin: admin))
        let isLeaving = Latch()
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await tellSupervisor() }
            tasks.addTask {
                await isLeaving.wait()
                guard isLeaving.isOpen else { return }
                await drainAfterDelay()
            }
            tasks.addTask {
                await upgrade.handedOver.wait()
                guard upgrade.handedOver.isOpen else { return }
                serving.phase = .draining
                dataPlane.drain(handingOver: true)
                // Where there is an admin server, its addresses have to be free first.
                if dataPlane.snapshot.operations.admin.isEmpty { upgrade.release() }
            }
            await carryFacts(isLeaving)
            tasks.cancelAll()
        }
        // The facts end with the workers, or early because of a cancellation, which has stopped them: a moment at most.
        dataPlane.waitUntilEnded()
        let cut = requestsCut
        if cut > 0 {
            let requests = cut == 1 ? "a request that was" : "\(cut) requests that were"
            logger.notice("cut \(requests) not over when the drain was (drain_deadline)")
        }
        logger.notice("stopped")
    }

    /// Requests that were under way when there was no more time for them.
    private var requestsCut: UInt64 {
        let layout = dataPlane.snapshot.counterLayout
        return dataPlane.snapshot.listeners.indices.reduce(0) {
            $0 + dataPlane.total(layout.reason(.drainDeadline, listener: $1))
        }
    }

    /// Stops accepting, once those who send clients here have had time to hear that they should not.
    ///
    /// A successor that takes over meanwhile has the clients, and drains this one at once.
    private func drainAfterDelay() async {
        let delay = dataPlane.snapshot.timeouts.drainDelay
        if delay > .zero, !upgrade.isDone {
            logger.notice("not ready any more; accepting clients for \(delay) more")
            do { try await Task.sleep(for: delay) } catch { return }
        }
        serving.phase = .draining
        dataPlane.drain()
    }

    /// Hands what the workers see to the prober until they have ended.
    private func carryFacts(_ isLeaving: Latch) async {
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                for await fact in dataPlane.facts {
                    await prober.observe(fact)
                }
            } onGracefulShutdown: {
                // Said at once: nobody is to ask in between and hear yes.
                serving.phase = dataPlane.snapshot.timeouts.drainDelay > .zero && !upgrade.isDone ? .leaving : .draining
                if !upgrade.isDone { surroundings?.supervisor?.tell(.stopping) }
                isLeaving.open()
            }
        } onCancel: {
            dataPlane.stop()
        }
    }

    /// Tells the service manager that this process serves, and that all is well for as long as every worker's loop turns.
    private func tellSupervisor() async {
        guard let supervisor = surroundings?.supervisor else { return }
        if let takeover = surroundings?.takeover {
            // Nothing that this process says counts before the one before has named it as the service.
            let interval = supervisor.watchdogInterval ?? .seconds(20)
            await takeover.waitForRelease(patience: min(.seconds(10), interval / 2))
        }
        supervisor.tell(.ready, .status(await configuration.reloads.status))
        await supervisor.watch {
            await dataPlane.heartbeat()
            return !upgrade.isDone
        }
    }

    private func announce(_ addresses: LoadBalancer.Addresses) {
        for address in addresses.listeners { logger.notice("listening on \(address)") }
        for (bind, admin) in zip(addresses.admin, dataPlane.snapshot.operations.admin) {
            let place =
                switch bind {
                case .address(let address): "\(admin.tls == nil ? "http" : "https")://\(address)/"
                case .unix: "\(bind)"
                }
            logger.notice("admin server at \(place) (\(admin.grantedRole))")
        }
        listening(addresses)
    }
}

extension ReloadFacts {
    /// For the service manager's status line.
    var status: String {
        "serving revision \(revision)" + (lastSucceeded ? "" : "; the latest reload was refused, see the log")
    }
}
