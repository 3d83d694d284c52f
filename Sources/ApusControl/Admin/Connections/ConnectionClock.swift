import NIOCore

/// The one time limit of a connection, which is set again and again: a new timer is made only where none ends early enough.
///
/// Used on the connection's event loop only.
final class ConnectionClock {
    private var deadline: NIODeadline?
    private var timer: (task: Scheduled<Void>, end: NIODeadline)?
    private var isStopped = false

    var isRunning: Bool { timer != nil }

    /// Calls `expired` at `deadline`, unless another one is set before; nil for never.
    func set(_ deadline: NIODeadline?, _ eventLoop: any EventLoop, _ expired: @escaping () -> Void) {
        self.deadline = isStopped ? nil : deadline
        guard let deadline = self.deadline else { return }
        if let timer, timer.end <= deadline { return }
        timer?.task.cancel()
        start(deadline, eventLoop, expired)
    }

    func stop() {
        isStopped = true
        deadline = nil
        timer?.task.cancel()
        timer = nil
    }

    private func start(_ end: NIODeadline, _ eventLoop: any EventLoop, _ expired: @escaping () -> Void) {
        let task = eventLoop.assumeIsolated().scheduleTask(deadline: end) { [self] in
            timer = nil
            guard let deadline else { return }
            guard deadline <= .now() else { return start(deadline, eventLoop, expired) }
            self.deadline = nil
            expired()
        }
        timer = (task, end)
    }
}
