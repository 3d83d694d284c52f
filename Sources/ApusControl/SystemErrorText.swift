import Glibc

/// What the system's error number `code` means, in the words a person would use: `connection refused`.
///
/// Covers the errors that sockets and files meet; for anything else the system's words.
public func systemErrorText(_ code: Int32) -> String {
    switch code {
    case EACCES, EPERM: "permission denied"
    case EADDRINUSE: "address already in use"
    case EADDRNOTAVAIL: "this machine has no such address"
    case EAFNOSUPPORT: "address family not supported by this machine"
    case ECONNABORTED, ECONNRESET: "connection reset"
    case ECONNREFUSED: "connection refused"
    case EEXIST: "something else stands there"
    case EDQUOT: "this user's share of the disk is used up"
    case EHOSTUNREACH: "no route to host"
    case EIO: "the disk does not do what it should (input/output error)"
    case EISDIR: "is a directory"
    case EMFILE: "this process has no file descriptors left"
    case ENETUNREACH: "network unreachable"
    case ENFILE: "the system has no file descriptors left"
    case ENOENT: "no such file or directory"
    case ENOSPC: "no space left on the disk"
    case ENOMEM, ENOBUFS: "out of memory"
    case ENOTDIR: "a part of its path is a file, not a directory"
    case EPIPE: "connection closed"
    case EROFS: "read-only file system"
    case ETIMEDOUT: "connection timed out"
    // SAFETY: the text is the system's own, and copied at once.
    default: unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
    }
}
