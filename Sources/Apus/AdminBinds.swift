import ApusModel
import NIOCore
import Synchronization

/// Where the admin server listens, listener by listener, as soon as it is known of all of them.
final class AdminBinds: Sendable {
    private let binds: Mutex<[Admin.Bind?]>
    private let promise: EventLoopPromise<[Admin.Bind]>

    /// - Parameter count: how many listeners there are; with none, there is nothing to wait for.
    init(_ count: Int, _ eventLoop: any EventLoop) {
        binds = Mutex(Array(repeating: nil, count: count))
        promise = eventLoop.makePromise()
        if count == 0 { end() }
    }

    /// The listener at `index` listens at `bind`: with port 0, the port the system gave.
    func bound(_ index: Int, at bind: Admin.Bind) {
        let all = binds.withLock { binds in
            binds[index] = bind
            return binds
        }
        let known = all.compactMap(\.self)
        if known.count == all.count { promise.succeed(known) }
    }

    /// Nobody is to wait any longer.
    func end() { promise.succeed([]) }

    /// Returns where all of them listen; nothing once `end` was called before that.
    func wait() async throws -> [Admin.Bind] { try await promise.futureResult.get() }
}
