public import ApusAddresses
public import ApusModel
import ApusTransport
import Glibc

/// Why a data plane could not be made.
public enum DataPlaneError: Error, Equatable, CustomStringConvertible {
    /// The snapshot has problems; nothing was bound.
    case snapshot(SnapshotError)
    /// A listener's address could not be bound.
    case bind(SocketAddress, errno: Int32)
    /// The access log could not be opened.
    case accessLog(path: String, errno: Int32)
    /// The system refused descriptors or threads that the workers need.
    case system(call: String, errno: Int32)

    public var description: String {
        switch self {
        case .snapshot(let error): error.description
        case .bind(let address, let errno): "cannot bind \(address): \(systemErrorText(errno))"
        case .accessLog(let path, let errno): "cannot open the access log \(path): \(Self.logErrorText(errno))"
        case .system(let call, let errno): "\(call) failed: \(systemErrorText(errno))"
        }
    }

    /// Why an access log could not be opened.
    public static func logErrorText(_ errno: Int32) -> String {
        switch errno {
        case ENOTSOCK: "it is a socket; write `stdout`, or `syslog:PATH` for the socket of a syslog server"
        case ENOTBLK: "it is a block device"
        case ELOOP:
            "a link stands there, which it must not where only `admin: { files: ... }` allows the log; or links lead in a "
                + "circle"
        case ENODEV: "it is not a regular file"
        case ENXIO: "it is a device that is not there"
        default: systemErrorText(errno)
        }
    }
}
