import Glibc

/// The calls that glibc has as GNU extensions, which Swift's Glibc does not show.
enum GNU {
    /// pipe2(2): both ends are born closed to children.
    static let pipe2: @convention(c) (UnsafeMutablePointer<Int32>, Int32) -> Int32 = unsafeBitCast(
        address("pipe2"), to: (@convention(c) (UnsafeMutablePointer<Int32>, Int32) -> Int32).self)

    /// setns(2): makes the calling thread a thread of another namespace.
    static let setns: @convention(c) (Int32, Int32) -> Int32 = unsafeBitCast(
        address("setns"), to: (@convention(c) (Int32, Int32) -> Int32).self)
    /// `CLONE_NEWNET`: the namespace that `setns` enters is one of networks.
    static let networkNamespace: Int32 = 0x4000_0000

    /// Has a child close every descriptor from a number on (glibc 2.34).
    static let addCloseFrom: @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32 =
        unsafeBitCast(
            address("posix_spawn_file_actions_addclosefrom_np"),
            to: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32).self)

    /// prctl(2), which is variadic in C.
    static let prctl: @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32 = unsafeBitCast(
        address("prctl"), to: (@convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32).self)
    /// `PR_SET_CHILD_SUBREAPER`.
    static let setChildSubreaper: Int32 = 36

    /// ptrace(2), which is variadic in C.
    static let ptrace: @convention(c) (Int, pid_t, UInt, UInt) -> Int = unsafeBitCast(
        address("ptrace"), to: (@convention(c) (Int, pid_t, UInt, UInt) -> Int).self)
    /// `PTRACE_SEIZE`, `PTRACE_INTERRUPT` and `PTRACE_DETACH`.
    static let (seize, interrupt, detach) = (0x4206, 0x4207, 17)

    /// openpty(3): both sides of a new terminal, in its usual settings.
    static let openpty:
        @convention(c) (
            UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>, OpaquePointer?, OpaquePointer?, OpaquePointer?
        ) -> Int32 = unsafeBitCast(
            address("openpty"),
            to: (@convention(c) (
                UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>, OpaquePointer?, OpaquePointer?, OpaquePointer?
            ) -> Int32).self)

    private static func address(_ name: String) -> UnsafeMutableRawPointer {
        guard let found = dlsym(dlopen(nil, RTLD_NOW), name) else { fatalError("this glibc has no \(name)") }
        return found
    }
}
