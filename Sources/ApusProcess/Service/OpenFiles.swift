import Glibc

/// The file descriptors of this process.
public enum OpenFiles {
    /// How many it may have open; nil where the system does not say.
    public static var limit: UInt64? {
        var limit = rlimit()
        // SAFETY: the call writes the one struct, which outlives it.
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return UInt64(limit.rlim_cur)
    }

    /// How many it has, of those with a number below `bound`.
    public static func count(below bound: Int) -> Int {
        // A list of them would take one more, which may be more than there are.
        (0..<Int32(clamping: bound)).count { fcntl($0, F_GETFD) >= 0 }
    }
}
