import ApusControl
import ApusProcess
import Logging
import ServiceLifecycle
import UnixSignals

extension LoadBalancer {
    /// Runs until the process gets SIGTERM or SIGINT, then drains; a second one cuts what is still in flight. SIGHUP
    /// reloads the configuration, SIGUSR1 opens the log files anew, SIGUSR2 upgrades.
    ///
    /// Throws as `run` does.
    public func runUntilSignalled() async throws {
        try checkDescriptors()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup, .sigusr1, .sigusr2)
        // It ends by itself once a successor has taken over.
        let service = ServiceGroupConfiguration.ServiceConfiguration(
            service: self, successTerminationBehavior: .gracefullyShutdownGroup)
        let group = ServiceGroup(configuration: .init(services: [service], logger: quietLogger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { await obey(signals, group) }
            do {
                // The balancer has ended, or the second signal has come.
                try await tasks.next()
                tasks.cancelAll()
                try await tasks.waitForAll()
            } catch is CancellationError {}
        }
    }

    private func obey(_ signals: UnixSignalsSequence, _ group: ServiceGroup) async {
        var isDraining = false
        await withDiscardingTaskGroup { tasks in
            for await signal in signals {
                switch signal {
                // Nobody waits for its end: files that do not answer must not keep the process from ending.
                case .sighup: Task { await reload() }
                case .sigusr1: reopenLogs()
                case .sigusr2: tasks.addTask { await upgrade() }
                default:
                    if isDraining {
                        logger.notice("\(signal) again: cutting what is still in flight")
                        tasks.cancelAll()
                        return
                    }
                    isDraining = true
                    let timeouts = ((try? controls.view)?.snapshot ?? snapshot).timeouts
                    let delay = timeouts.drainDelay > .zero ? "in \(timeouts.drainDelay) " : ""
                    logger.notice(
                        "\(signal): \(delay)finishing what is in flight, for \(timeouts.drain) at most; again to cut it"
                    )
                    await group.triggerGracefulShutdown()
                }
            }
        }
    }

    private func reload() async {
        let supervisor = surroundings?.supervisor
        supervisor?.tellReloading()
        // Whatever comes of it, it is over: what was refused is in the log, and the old configuration serves.
        _ = try? await controls.configuration.reload(.signal)
        supervisor?.tell(.ready)
    }

    private func reopenLogs() {
        do {
            try controls.reopenLogs()
            logger.notice("SIGUSR1: the log files were opened anew")
        } catch {
            logger.warning("SIGUSR1: \(error)")
        }
    }

    private func upgrade() async {
        // What came of it is in the log.
        _ = try? await controls.upgrade()
    }
}
