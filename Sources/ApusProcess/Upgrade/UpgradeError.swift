/// Why another process did not take over. This one goes on as before.
public enum UpgradeError: Error, Equatable, CustomStringConvertible {
    case notExecutable(path: String, errno: Int32)
    case notStarted(path: String, errno: Int32)
    /// It said why it cannot serve.
    case declined(String)
    /// It ended without a word to us.
    case died(ProcessEnd)
    /// It was not ready in time, and was ended.
    case notReady(Duration)
    /// The system has no descriptors left.
    case noConnection

    public var description: String {
        switch self {
        case .notExecutable(let path, let errno):
            "\(path) cannot be executed: \(systemText(errno)). The new version belongs there."
        case .notStarted(let path, let errno): "\(path) could not be started: \(systemText(errno))."
        case .declined(let words): "the new process could not serve. It said: \(words)"
        case .died(let end):
            "the new process ended before it was ready: \(end). What it wrote is on this one's standard error."
        case .notReady(let patience): "the new process was not ready within \(patience), and was ended."
        case .noConnection: "there is no descriptor left for a connection to a new process."
        }
    }
}
