import CApusSystem

/// Which user the process runs as.
///
/// A process that is started as root becomes another user before it opens, binds or starts anything. All it keeps of
/// root is the right to bind ports below 1024 (CAP_NET_BIND_SERVICE), as a reload may add a listener on one. The right
/// goes on to programs that it executes, since the next version of it, which an upgrade starts, needs it too; nothing
/// else can be gained by executing a file any more (PR_SET_NO_NEW_PRIVS).
public enum Privileges {
    /// Becomes `user` for good: user, group, the groups that the user is a member of, and no way back.
    ///
    /// For root only; for the user itself nothing is done but giving up the ways to gain rights. To be called while the
    /// process has one thread, as rights are a thread's own on Linux: the threads that come later have what this one
    /// has.
    ///
    /// - Parameter group: nil for the user's own group.
    public static func become(user: String, group: String? = nil) throws(PrivilegeError) {
        let threads = apus_thread_count()
        guard threads == 1 else { throw .severalThreads(Int(threads)) }
        try change(to: user, group)
    }

    /// What `become` does, for the calling thread's capabilities.
    static func change(to user: String, _ group: String?) throws(PrivilegeError) {
        let (userNumber, groupNumber) = try find(user, group)
        guard geteuid() == 0 else {
            guard geteuid() == userNumber, getuid() == userNumber else {
                throw .notRoot(wanted: user, actual: Int(geteuid()))
            }
            guard getegid() == groupNumber else { throw .otherGroup(wanted: group ?? user, actual: Int(getegid())) }
            return try step("prctl(PR_SET_NO_NEW_PRIVS)", user, apus_no_new_privileges())
        }
        // Who becomes root stays root.
        guard userNumber != 0 else { return }
        let bindsLowPorts = apus_may_bind_low_ports() == 1
        try step("setgroups", user, unsafe apus_set_groups(user, groupNumber))
        try step("setgid", user, apus_set_group(groupNumber))
        try step("prctl(PR_SET_KEEPCAPS)", user, apus_keep_capabilities(1))
        try step("setuid", user, apus_set_user(userNumber))
        try step("prctl(PR_SET_KEEPCAPS)", user, apus_keep_capabilities(0))
        try step("capset", user, apus_limit_capabilities(bindsLowPorts ? 1 : 0))
        try step("prctl(PR_SET_NO_NEW_PRIVS)", user, apus_no_new_privileges())
        guard getuid() == userNumber, geteuid() == userNumber, getgid() == groupNumber, getegid() == groupNumber,
            apus_can_become(0) == 0
        else { throw .notForGood(user) }
    }

    private static func find(_ user: String, _ group: String?) throws(PrivilegeError) -> (uid_t, gid_t) {
        var userNumber: uid_t = 0
        var groupNumber: gid_t = 0
        guard unsafe apus_find_user(user, &userNumber, &groupNumber) == 0 else { throw .unknownUser(user) }
        guard let group else { return (userNumber, groupNumber) }
        guard unsafe apus_find_group(group, &groupNumber) == 0 else { throw .unknownGroup(group) }
        return (userNumber, groupNumber)
    }

    private static func step(_ call: String, _ user: String, _ result: Int32) throws(PrivilegeError) {
        guard result == 0 else { throw .refused(user: user, call: call, errno: -result) }
    }
}

/// Why the process could not become the user that it should run as.
public enum PrivilegeError: Error, Equatable, CustomStringConvertible {
    case unknownUser(String)
    case unknownGroup(String)
    /// Only root can become somebody else.
    case notRoot(wanted: String, actual: Int)
    case otherGroup(wanted: String, actual: Int)
    case refused(user: String, call: String, errno: Int32)
    /// There are threads that would keep their rights.
    case severalThreads(Int)
    /// It would still be possible to become root again.
    case notForGood(String)

    public var description: String {
        switch self {
        case .unknownUser(let user):
            "process.user is \(user), but this system has no such user. Make one: "
                + "useradd --system --no-create-home --shell /usr/sbin/nologin \(user)"
        case .unknownGroup(let group):
            "process.group is \(group), but this system has no such group. Make one: groupadd --system \(group)"
        case .notRoot(let wanted, let actual):
            "process.user is \(wanted), but Apus was started by user number \(actual), who cannot become anybody else. "
                + "Start it as root or as \(wanted), or leave process.user out."
        case .otherGroup(let wanted, let actual):
            "the group to run as is \(wanted), but Apus was started with group number \(actual), and only root can "
                + "change it. Start it as root or with that group, or leave process.group out."
        case .refused(let user, let call, let errno):
            "cannot become \(user): \(call): \(systemText(errno)). A container or a service manager may have taken the "
                + "rights to do so (CAP_SETUID, CAP_SETGID) from root: give them back, or have it start Apus as \(user) "
                + "and leave process.user out."
        case .severalThreads(let count):
            "the user can only be changed while the process has one thread, but it has \(count)."
        case .notForGood(let user):
            "became \(user), but could have become root again, so Apus does not go on. Please report this."
        }
    }
}
