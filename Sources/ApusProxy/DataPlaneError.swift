public import ApusModel
import ApusTransport

/// Why a data plane could not be made.
public enum DataPlaneError: Error, Equatable, CustomStringConvertible {
    /// A listener's address could not be bound.
    case bind(SocketAddress, errno: Int32)
    /// The access log could not be opened.
    case accessLog(path: String, errno: Int32)
    /// The system refused descriptors or threads that the workers need.
    case system(call: String, errno: Int32)

    public var description: String {
        switch self {
        case .bind(let address, let errno): "cannot bind \(address): \(systemErrorText(errno))"
        case .accessLog(let path, let errno): "cannot open the access log \(path): \(systemErrorText(errno))"
        case .system(let call, let errno): "\(call) failed: \(systemErrorText(errno))"
        }
    }
}
