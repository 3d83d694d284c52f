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
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await serve() }
            tasks.addTask {
                await upgrade.handedOver.wait()
                // Whoever asked for the upgrade is waiting for the answer.
                try? await Task.sleep(for: .milliseconds(200))
            }
            try await tasks.next()
            tasks.cancelAll()
            do { try await tasks.waitForAll() } catch is CancellationError {}
        }
        upgrade.release()
    }

    /// A successor serves without its admin server rather than not at all: the address may be free a little later.
    private func serve() async throws {
        guard takeover != nil else { return try await server.run() }
        for attempt in 1... {
            do {
                return try await server.run()
            } catch let error as AdminServerError {
                if attempt == 1 { logger.error("\(error); trying again every second") }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }
}
