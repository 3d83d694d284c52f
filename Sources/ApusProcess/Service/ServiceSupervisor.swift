import CApusSystem

/// The service manager that started this process and wants to know how it is: systemd, or another that speaks the
/// protocol of sd_notify(3).
///
/// Telling it something takes one datagram and never fails loudly: a service does not fall because nobody listens.
public struct ServiceSupervisor: Sendable {
    /// Where it listens: a path, or `@` and an abstract name.
    let socket: String
    /// Within each such interval it wants to hear `alive`, or it kills the process; nil when it does not watch.
    public let watchdogInterval: Duration?

    /// - Parameters:
    ///   - socket: `$NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    ///   - watchdogMicroseconds: `$WATCHDOG_USEC`.
    ///   - watchdogProcess: `$WATCHDOG_PID`: whom the watchdog is meant for; nil for whoever asks.
    init?(socket: String?, watchdogMicroseconds: String?, watchdogProcess: String?, process: Int32) {
        guard let socket, socket.hasPrefix("/") || socket.hasPrefix("@") else { return nil }
        self.socket = socket
        let isMeant = watchdogProcess.map { Int32($0) == process } ?? true
        watchdogInterval = watchdogMicroseconds.flatMap(Int64.init).flatMap {
            $0 > 0 && isMeant ? .microseconds($0) : nil
        }
    }

    /// The supervisor of this process; nil when there is none.
    ///
    /// The environment is left as it is, since the process that takes over in an upgrade has the same supervisor.
    public static func fromEnvironment() -> ServiceSupervisor? {
        ServiceSupervisor(
            socket: environmentVariable("NOTIFY_SOCKET"), watchdogMicroseconds: environmentVariable("WATCHDOG_USEC"),
            watchdogProcess: environmentVariable("WATCHDOG_PID"), process: getpid())
    }

    /// Tells everything at once. Whether it was sent; nothing needs to depend on it.
    @discardableResult
    public func tell(_ states: ServiceState...) -> Bool { tell(states) }

    @discardableResult
    public func tell(_ states: [ServiceState]) -> Bool {
        let bytes = Array(states.map(\.assignment).joined(separator: "\n").utf8)
        return unsafe apus_send_datagram(socket, bytes, bytes.count) == 0
    }

    /// `reloading`, with the time that the protocol asks for. To be followed by `ready`, whatever comes of the reload.
    public func tellReloading() { tell(.reloading(since: monotonicMicroseconds())) }

    /// Says `alive` twice in each watchdog interval, as long as `isAlive` says so, until the task is cancelled. Returns
    /// at once where there is no watchdog.
    ///
    /// When `isAlive` says no, or does not come back, nothing is said: the supervisor then ends the process and starts
    /// it again. So it is to ask those who do the work, and to wait for their answers: a worker whose loop does not
    /// turn does not answer.
    public func watch(isAlive: @Sendable () async -> Bool) async {
        guard let interval = watchdogInterval else { return }
        while !Task.isCancelled {
            if await isAlive() { tell(.alive) }
            do {
                try await Task.sleep(for: interval / 2)
            } catch {
                return
            }
        }
    }
}
