import CApusSystem
import Glibc

/// How a process has ended.
public enum ProcessEnd: Sendable, Equatable, CustomStringConvertible {
    case exited(status: Int32)
    case killed(signal: Int32)
    /// Somebody else has waited for it.
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

/// A child of this process that is to end.
struct ChildProcess {
    private let process: Int32

    init(_ process: Int32) { self.process = process }

    /// Blocks until it has ended: by itself within `patience`, asked to within two seconds more, or killed.
    func end(patience: Duration = .seconds(2)) -> ProcessEnd {
        if let end = wait(patience) { return end }
        _ = kill(process, SIGTERM)
        if let end = wait(.seconds(2)) { return end }
        _ = kill(process, SIGKILL)
        return wait(.seconds(10)) ?? .unknown
    }

    private func wait(_ time: Duration) -> ProcessEnd? {
        let deadline = monotonicMicroseconds() + time.microseconds
        while true {
            var status: Int32 = 0
            let result = unsafe apus_reap(process, &status)
            if result < 0 { return .unknown }
            if result > 0 {
                let reason = apus_exit_reason(status)
                return reason < 0 ? .killed(signal: -reason) : .exited(status: reason)
            }
            guard monotonicMicroseconds() < deadline else { return nil }
            usleep(5_000)
        }
    }
}
