import Glibc

/// What the process asks of the system before it serves.
enum ProcessSetup {
    static func prepare() {
        // A client that has gone is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // So is a file that may not grow any more (`ulimit -f`, LimitFSIZE).
        signal(SIGXFSZ, SIG_IGN)
        raiseDescriptorLimit()
        silenceDispatch()
    }

    /// Dispatch asks for a priority above the usual for the threads of Swift's own pool, which only root may, and tells the
    /// syslog of each refusal. There is nothing to be done about it, and nothing wrong.
    private static func silenceDispatch() { _ = unsafe setenv("LIBDISPATCH_LOG", "NO", 0) }

    /// Raises the soft limit of open descriptors to the hard one: each client takes one, and its upstream another.
    private static func raiseDescriptorLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Leaves SIGINT to the parent: Ctrl-C reaches a whole group of processes at once, and origins must outlive the
    /// balancer's drain.
    static func ignoreInterrupts() {
        signal(SIGINT, SIG_IGN)
    }
}
