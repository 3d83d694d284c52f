import ApusConfig
import FoundationEssentials
import Glibc

/// What the system knows about one thread of this process.
struct ThreadFacts {
    /// Processor time used, user and system, in microseconds.
    var cpuMicroseconds: UInt64
    /// Time in which it could have run and no processor was free, in microseconds; nil where the system does not count.
    var waitingMicroseconds: UInt64?

    /// Reads the facts from /proc/self/task (proc_pid_schedstat(5), proc_pid_stat(5)).
    ///
    /// - Parameter number: the system's number for the thread.
    /// - Returns: nil for a thread that is not there, or without /proc.
    static func read(_ number: UInt64) -> ThreadFacts? {
        guard number > 0 else { return nil }
        if let schedule = text("/proc/self/task/\(number)/schedstat") {
            let fields = schedule.split(whereSeparator: \.isWhitespace).map { UInt64($0) ?? 0 }
            if fields.count > 1, fields[0] > 0 {
                return ThreadFacts(cpuMicroseconds: fields[0] / 1_000, waitingMicroseconds: fields[1] / 1_000)
            }
        }
        guard let stat = text("/proc/self/task/\(number)/stat"), let name = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[name...].split(separator: " ").map { UInt64($0) ?? 0 }
        guard fields.count > 13 else { return nil }
        let tick = 1_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return ThreadFacts(cpuMicroseconds: (fields[12] + fields[13]) * tick)
    }

    private static func text(_ path: String) -> String? {
        try? FileSystem.read(path)
    }
}
