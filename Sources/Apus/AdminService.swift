import ApusControl
import ApusModel
import ApusProcess
import Logging
import ServiceLifecycle
import Synchronization

/// Runs the admin server's listeners for as long as this process is the one: after the process before has let go of their
/// addresses, until a successor takes over.
struct AdminService: Service, CustomStringConvertible {
    /// One for each listener. When one cannot listen, all of them end.
    let servers: [AdminServer]
    /// The process that this one took over from.
    let takeover: Takeover?
    let serving: Latch
    let upgrade: Upgrade
    let logger: Logger

    var description: String { "the admin server" }

    /// How long it may take to end what it is being asked.
    private static let patience = Duration.seconds(2)

    func run() async throws {
        if takeover != nil { await serving.wait() }
        guard !Task.isCancelled else { return }
        await takeover?.waitForRelease()
        let (ending, ended) = (Latch(), Latch())
        let failure = Mutex<(any Error)?>(nil)
        let group = ServiceGroup(
            configuration: .init(
                services: servers.map { server in
                    .init(
                        service: Serving {
                            // When one cannot listen, the others end as at a shutdown.
                            defer { ending.open() }
                            try await serve(server)
                        }, successTerminationBehavior: .gracefullyShutdownGroup,
                        failureTerminationBehavior: .gracefullyShutdownGroup)
                },
                logger: silentLogger))
        // A task of its own, which a cancellation of this one does not reach: a client that is being accepted at that moment
        // would be forgotten, which SwiftNIO takes for a mistake and ends the process.
        let running = Task {
            do { try await group.run() } catch { failure.withLock { $0 = error } }
            ended.open()
        }
        let handover = Task {
            await upgrade.handedOver.wait()
            // Whoever asked for the upgrade is waiting for the answer.
            try? await Task.sleep(for: .milliseconds(200))
            if upgrade.handedOver.isOpen { ending.open() }
        }
        let shutdown = Task {
            await ending.wait()
            await group.triggerGracefulShutdown()
            try await Task.sleep(for: Self.patience)
            // Nobody is being accepted any more; who is still being answered is cut.
            running.cancel()
            try await Task.sleep(for: .milliseconds(500))
            ended.open()
        }
        await withTaskCancellationOrGracefulShutdownHandler {
            await Task { await ended.wait() }.value
        } onCancelOrGracefulShutdown: {
            ending.open()
        }
        handover.cancel()
        shutdown.cancel()
        upgrade.release()
        if let error = failure.withLock({ $0 }), !(error is CancellationError) { throw error }
    }

    /// For the machinery of services, which tells of errors that are thrown on.
    private var silentLogger: Logger {
        var logger = logger
        logger.logLevel = .critical
        return logger
    }

    /// A successor serves without its admin server rather than not at all: the address may be free a little later.
    private func serve(_ server: AdminServer) async throws {
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
private struct Serving: Service, CustomStringConvertible {
    let body: @Sendable () async throws -> Void

    var description: String { "the admin server" }

    func run() async throws { try await body() }
}
