/// How much time on the machine's cores the process's cgroup has (cgroups(7)): of version 2 `cpu.max`, of version 1
/// `cpu.cfs_quota_us` in each `cpu.cfs_period_us`.
enum CPUQuota {
    /// The quota in cores, rounded up; nil for none, or where nothing can be told.
    ///
    /// The quotas of the cgroups around count as well: the least is what there is.
    ///
    /// - Parameter read: the text of a file; nil where there is none.
    static func cores(_ read: (String) -> String?) -> Int? {
        guard let own = read("/proc/self/cgroup") else { return nil }
        var least: Double?
        for line in own.split(separator: "\n") {
            // The hierarchy's number, its controllers, the path in it; version 2 has no controllers here.
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let controllers = parts[1].split(separator: ",")
            guard parts[1].isEmpty || controllers.contains("cpu") else { continue }
            let isSecond = parts[1].isEmpty
            for mount in isSecond ? secondMounts : firstMounts(controllers) {
                for folder in folders(of: parts[2]) {
                    guard let quota = isSecond ? second(mount + folder, read) : first(mount + folder, read) else {
                        continue
                    }
                    least = min(least ?? quota, quota)
                }
            }
        }
        return least.map { Int($0.rounded(.up)) }
    }

    private static let secondMounts = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]

    private static func firstMounts(_ controllers: [Substring]) -> [String] {
        ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/" + controllers.joined(separator: ",")]
    }

    /// The path and those around it: `/a/b`, `/a` and the root. In a container the path may be the host's, and the
    /// container's own cgroup stands at the root.
    private static func folders(of path: Substring) -> [String] {
        var folders = [""]
        for part in path.split(separator: "/") where part != ".." {
            folders.append(folders[folders.count - 1] + "/" + part)
        }
        return folders
    }

    /// `150000 100000`, or `max 100000`.
    private static func second(_ folder: String, _ read: (String) -> String?) -> Double? {
        guard let words = read(folder + "/cpu.max")?.split(whereSeparator: \.isWhitespace), words.count == 2 else {
            return nil
        }
        return quota(Double(words[0]), Double(words[1]))
    }

    /// -1 for none.
    private static func first(_ folder: String, _ read: (String) -> String?) -> Double? {
        func number(_ name: String) -> Double? {
            read(folder + "/" + name)?.split(whereSeparator: \.isWhitespace).first.flatMap { Double($0) }
        }
        return quota(number("cpu.cfs_quota_us"), number("cpu.cfs_period_us"))
    }

    private static func quota(_ time: Double?, _ period: Double?) -> Double? {
        guard let time, let period, time > 0, period > 0, time / period < 1_000_000 else { return nil }
        return time / period
    }
}
