internal import Glibc

/// A limit on this process's descriptors that leaves only a few more to be opened, until it is lifted.
///
/// For exit tests only: the limit is the whole process's.
public struct DescriptorLimit {
    private let previous: rlimit
    private let fillers: [Int32]

    /// Leaves `spare` more descriptors to be opened.
    public init(leaving spare: Int) throws {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw KitError.system(call: "getrlimit", errno: errno)
        }
        previous = limit
        // The limit is on the numbers, not on how many there are: the gaps below the highest one in use are filled.
        let highest = (0..<4096).last { fcntl($0, F_GETFD) >= 0 } ?? 2
        var fillers: [Int32] = []
        repeat {
            fillers.append(dup(0))
        } while fillers.last! <= highest
        // The last one lies beyond.
        close(fillers.removeLast())
        self.fillers = fillers
        limit.rlim_cur = rlim_t(highest + 1) + rlim_t(spare)
        guard unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw KitError.system(call: "setrlimit", errno: errno)
        }
    }

    /// Lets as many be opened as before.
    public func lift() {
        var limit = previous
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for filler in fillers { close(filler) }
    }
}
