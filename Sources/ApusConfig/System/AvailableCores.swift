import FoundationEssentials

/// The cores that this process may run on.
public enum AvailableCores {
    /// How many, at least 1: those of the machine's that the process's affinity (`taskset`, a container's cpuset) leaves
    /// it, and no more than its cgroup's quota of time on them (`docker run --cpus`, `limits.cpu` of Kubernetes, CPUQuota of
    /// systemd) is worth, rounded up.
    public static var count: Int {
        let quota = CPUQuota.cores { path in
            FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
        }
        return min(affine, max(1, quota ?? .max))
    }

    /// Those that the affinity leaves.
    private static var affine: Int {
        let online = max(1, ProcessInfo.processInfo.activeProcessorCount)
        // proc(5). Foundation's count knows nothing of the affinity, and glibc hides sched_getaffinity from Swift.
        guard let file = FileManager.default.contents(atPath: "/proc/self/status"),
            let allowed = allowed(status: String(decoding: file, as: UTF8.self))
        else { return online }
        // The mask may name cores that the machine could have and has not.
        return min(online, max(1, allowed))
    }

    /// The number of cores in `Cpus_allowed_list`, such as `0-3,8`; nil when there is none.
    static func allowed(status: String) -> Int? {
        let key = "Cpus_allowed_list:"
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else { return nil }
        var count = 0
        for part in line.dropFirst(key.count).split(separator: ",") {
            let bounds = part.split(separator: "-", omittingEmptySubsequences: false).map {
                Int($0.filter { !$0.isWhitespace })
            }
            guard let first = bounds.first, let first, let last = bounds.last, let last, first <= last else {
                return nil
            }
            count += last - first + 1
        }
        return count > 0 ? count : nil
    }
}
