import ApusConfig
import ApusProcess
import FoundationEssentials
import Glibc

/// What the system knows about this process, under the names that Prometheus uses for every process.
struct ProcessFacts {
    /// Bytes of memory that are resident.
    var residentBytes: UInt64
    /// Processor time used, user and system, in microseconds.
    var cpuMicroseconds: UInt64
    /// Open file descriptors.
    var openDescriptors: UInt64
    /// File descriptors that may be open.
    var descriptorLimit: UInt64
    /// When the process started, in microseconds since 1970.
    var startMicroseconds: UInt64

    /// Reads the facts from /proc (proc_pid_stat(5), proc_pid_statm(5)); nil where there is no /proc.
    static func read() -> ProcessFacts? {
        guard let stat = text("/proc/self/stat"), let statm = text("/proc/self/statm"),
            let boot = bootSeconds(),
            let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"),
            // The name, the second field, is in parentheses and may itself hold spaces; count from behind it.
            let name = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[name...].split(separator: " ").map { UInt64($0) ?? 0 }
        let pages = statm.split(separator: " ")
        guard fields.count > 20, pages.count > 1, let resident = UInt64(pages[1]) else { return nil }
        guard let limit = OpenFiles.limit else { return nil }
        let tick = 1_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return ProcessFacts(
            residentBytes: resident * UInt64(max(1, sysconf(Int32(_SC_PAGESIZE)))),
            cpuMicroseconds: (fields[12] + fields[13]) * tick,
            // The listing held one descriptor itself.
            openDescriptors: UInt64(max(0, descriptors.count - 1)),
            descriptorLimit: limit,
            startMicroseconds: boot * 1_000_000 + fields[20] * tick)
    }

    func write(to writer: inout ExpositionWriter) {
        writer.family("process_resident_memory_bytes", .gauge, "Resident memory.")
        writer.sample([:], residentBytes)
        writer.family("process_cpu_seconds_total", .counter, "Processor time used, user and system.")
        writer.sample([:], microseconds: cpuMicroseconds)
        writer.family("process_open_fds", .gauge, "Open file descriptors.")
        writer.sample([:], openDescriptors)
        writer.family("process_max_fds", .gauge, "File descriptors that may be open.")
        writer.sample([:], descriptorLimit)
        writer.family("process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.")
        writer.sample([:], microseconds: startMicroseconds)
    }

    private static func bootSeconds() -> UInt64? {
        text("/proc/stat")?.split(separator: "\n").lazy
            .first { $0.hasPrefix("btime ") }
            .flatMap { UInt64($0.dropFirst("btime ".count)) }
    }

    private static func text(_ path: String) -> String? {
        try? FileSystem.read(path)
    }
}
