/// One thing that a service tells its service manager (sd_notify(3)).
public enum ServiceState: Sendable, Equatable {
    /// It serves: after its start, and after each reload.
    case ready
    /// It reads its configuration anew, since this moment of the monotonic clock in microseconds. `ready` ends it.
    case reloading(since: Int64)
    /// It finishes what is in flight and will end.
    case stopping
    /// What it does, in a line, for `systemctl status`.
    case status(String)
    /// It is well. To be said at least once in each watchdog interval.
    case alive
    /// Another process is the service from now on.
    case mainProcess(Int32)
    /// Its start, reload or end takes longer: it will be done, or say this again, within so long.
    case takesLonger(Duration)

    /// The assignment as the protocol has it, without a line break.
    var assignment: String {
        switch self {
        case .ready: "READY=1"
        case .reloading(let since): "RELOADING=1\nMONOTONIC_USEC=\(since)"
        case .stopping: "STOPPING=1"
        case .status(let text): "STATUS=" + text.split(whereSeparator: \.isNewline).joined(separator: " ")
        case .alive: "WATCHDOG=1"
        case .mainProcess(let process): "MAINPID=\(process)"
        case .takesLonger(let time): "EXTEND_TIMEOUT_USEC=\(time.microseconds)"
        }
    }
}
