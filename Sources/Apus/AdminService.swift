import ApusControl
import ApusModel
import ApusProcess
import Logging
import ServiceLifecycle

/// Runs the admin server for as long as this process is the one: after the process before has let go of its address, until
/// a successor takes over.
struct AdminService: Service {
    let server: AdminServer
    /// The process that this one took over from.
    let takeover: Takeover?
    let serving: Latch
    let upgrade: Upgrade
    let logger: Logger

    func run() async throws {
        if takeover != nil { await serving.wait() }
        guard !Task.isCancelled else { return }
        await takeover?.waitForRelease()
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: Serving(body: serve), successTerminationBehavior: .gracefullyShutdownGroup)
                ],
                logger: silentLogger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                await upgrade.handedOver.wait()
                // Whoever asked for the upgrade is waiting for the answer.
                try? await Task.sleep(for: .milliseconds(200))
                // Not cancelled at once: a client that is being accepted at this moment would be forgotten, which
                // SwiftNIO takes for a mistake and ends the process.
                if upgrade.handedOver.isOpen { await group.triggerGracefulShutdown() }
                try? await Task.sleep(for: .seconds(2))
            }
            try await tasks.next()
            tasks.cancelAll()
            do { try await tasks.waitForAll() } catch is CancellationError {}
        }
        upgrade.release()
    }

    /// For the machinery of services, which tells of errors that are thrown on.
    private var silentLogger: Logger {
        var logger = logger
        logger.logLevel = .critical
        return logger
    }

    /// A successor serves without its admin server rather than not at all: the address may be free a little later.
    private func serve() async throws {
        guard takeover != nil else { return try await server.run() }
        for attempt in 1... {
            do {
                return try await server.run()
            } catch let error as AdminServerError {
                if attempt == 1 { logger.error("\(error); trying again every second") }
                try await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1)) }
            }
        }
    }
}

/// What runs until it is shut down.
private struct Serving: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws { try await body() }
}
