import CApusSystem
import Glibc

/// How a process has ended.
public enum ProcessEnd: Sendable, Equatable, CustomStringConvertible {
    case exited(status: Int32)
    case killed(signal: Int32)
    /// It was not our child: only its parent is told.
    case unknown

    public var description: String {
        switch self {
        case .exited(let status): "it exited with status \(status)"
        case .killed(let signal): "it was ended by signal \(signal)\(Self.name(signal).map { " (\($0))" } ?? "")"
        case .unknown: "it ended"
        }
    }

    private static func name(_ signal: Int32) -> String? {
        switch signal {
        case SIGILL: "SIGILL: its own fault, a trap"
        case SIGTRAP: "SIGTRAP: its own fault, a trap"
        case SIGABRT: "SIGABRT: its own fault"
        case SIGSEGV: "SIGSEGV: its own fault"
        case SIGBUS: "SIGBUS: its own fault"
        case SIGKILL: "SIGKILL: somebody killed it, the system perhaps for want of memory"
        case SIGTERM: "SIGTERM: somebody asked it to end"
        case SIGINT: "SIGINT: somebody interrupted it"
        default: nil
        }
    }
}

/// Whose child a process is that this one starts.
public enum Kinship: Sendable {
    /// This one's.
    case child
    /// The child of this one's parent; of a process that has no parent where it can see it, a child all the same.
    ///
    /// A service manager is told of the end of its own children only, and treats a main process that is none worse:
    /// systemd does not wait for it when it stops the service.
    case sibling
}

/// A process that this one has started.
///
/// A value that names a descriptor and does not own it: whoever keeps it closes it, once.
struct StartedProcess: Sendable {
    /// Its process number.
    let number: Int32
    /// Stands for this very process, also when the number has become another's.
    let descriptor: Int32

    func close() { _ = CApusSystem.close(descriptor) }

    /// Blocks until it has ended: by itself within `patience`, asked to within two seconds more, or killed.
    func end(patience: Duration = .seconds(2)) -> ProcessEnd {
        if let end = wait(patience) { return end }
        _ = apus_signal_process(descriptor, SIGTERM)
        if let end = wait(.seconds(2)) { return end }
        _ = apus_signal_process(descriptor, SIGKILL)
        return wait(.seconds(10)) ?? .unknown
    }

    private func wait(_ time: Duration) -> ProcessEnd? {
        let deadline = monotonicMicroseconds() + time.microseconds
        while true {
            let left = max(0, deadline - monotonicMicroseconds())
            // Rounded up: no turns in vain during the last millisecond.
            let result = apus_wait_for_process(descriptor, Int32(clamping: (left + 999) / 1000))
            if result == -EINTR { continue }
            guard result == 1 else { return nil }
            var status: Int32 = 0
            guard unsafe apus_reap(number, &status) > 0 else { return .unknown }
            let reason = apus_exit_reason(status)
            return reason < 0 ? .killed(signal: -reason) : .exited(status: reason)
        }
    }
}
