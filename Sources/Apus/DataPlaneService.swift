import ApusControl
import ApusModel
import ApusProxy
import Logging
import NIOCore
import ServiceLifecycle

/// Runs the data plane as a service: starts it once the admin server listens, hands what it sees to the prober, drains
/// it on a graceful shutdown and stops it on cancellation.
struct DataPlaneService: Service {
    let dataPlane: DataPlane
    let prober: Prober
    let serving: ServingState
    /// Fulfilled when the admin server listens, or at once when there is none.
    let adminBound: EventLoopPromise<ApusModel.SocketAddress?>
    let logger: Logger
    let listening: @Sendable (LoadBalancer.Addresses) -> Void

    func run() async throws {
        let admin = try await withTaskCancellationHandler {
            try await adminBound.futureResult.get()
        } onCancel: {
            // The admin server could not listen, or all is over before it began.
            adminBound.succeed(nil)
        }
        guard !Task.isCancelled else { return }
        try dataPlane.start()
        serving.phase = .serving
        announce(LoadBalancer.Addresses(listeners: dataPlane.addresses, admin: admin))
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                for await fact in dataPlane.facts {
                    await prober.observe(fact.fact)
                }
            } onGracefulShutdown: {
                serving.phase = .draining
                dataPlane.drain()
            }
        } onCancel: {
            dataPlane.stop()
        }
        // The facts end with the workers, or early because of a cancellation, which has stopped them: a moment at most.
        dataPlane.waitUntilEnded()
        logger.notice("stopped")
    }

    private func announce(_ addresses: LoadBalancer.Addresses) {
        for address in addresses.listeners { logger.notice("listening on \(address)") }
        if let admin = addresses.admin { logger.notice("admin server at http://\(admin)/") }
        listening(addresses)
    }
}
