public import ApusControl
import ApusProcess
import ApusProxy
import Synchronization

/// What can be asked of a balancer while it runs: another configuration, its logs opened again, a successor.
///
/// Everything may be called from any thread; before the balancer runs, and after it has ended, each throws `NotRunning`.
public final class Controls: Sendable {
    /// Thrown when there is nothing to control.
    public struct NotRunning: Error, CustomStringConvertible {
        public var description: String { "the balancer does not run" }
    }

    private let parts = Mutex<Parts?>(nil)

    struct Parts: Sendable {
        let configuration: RunningConfiguration
        let dataPlane: DataPlane
        let live: Live
        let upgrade: Upgrade
    }

    init() {}

    func begin(_ parts: Parts) { self.parts.withLock { $0 = parts } }
    func end() { parts.withLock { $0 = nil } }

    private func present() throws(NotRunning) -> Parts {
        guard let parts = parts.withLock({ $0 }) else { throw NotRunning() }
        return parts
    }

    /// The configuration that runs, and the way to others.
    public var configuration: RunningConfiguration { get throws(NotRunning) { try present().configuration } }

    /// What runs at this moment, with its counters; ask again each time, since a reload exchanges both.
    public var view: Live.View { get throws(NotRunning) { try present().live.view } }

    /// Opens the files of the access log anew: they have been moved away to be rotated.
    ///
    /// - Throws: `DataPlaneError.accessLog` when one cannot be opened: its log goes on in the old file.
    public func reopenLogs() throws { try present().dataPlane.reopenLogs() }

    /// Starts a successor, hands the listening sockets over to it, and ends this balancer once it serves.
    ///
    /// - Parameter binary: the program to start; nil for the one that this process was started from.
    /// - Returns: the successor's process number.
    /// - Throws: `UpgradeError` when it could not take over; nothing has changed then.
    @discardableResult
    public func upgrade(binary: String? = nil) async throws -> Int32 { try await present().upgrade.begin(binary) }
}
