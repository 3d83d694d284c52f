import ApusModel
import Glibc
import Hummingbird
import NIOCore
import Synchronization

/// What belongs to one request to the admin server.
struct AdminContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The client's connection.
    let channel: any Channel
    /// What the request has changed.
    let deed = Deed()
    /// Memory that the request's body takes until the request has been carried out.
    var requestMemory: AdminMemory.Lease?
    /// Bounds what answers take.
    var answerMemory: AdminMemory?

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Lets the client's body come: nothing of it is read before.
    func wantBody() { channel.triggerUserOutboundEvent(AdminConnectionHandler.BodyWanted(), promise: nil) }

    /// What a request has changed, for the log.
    final class Deed: Sendable {
        private let state = Mutex<(words: String?, done: String?, failure: String?)>((nil, nil, nil))

        /// What was asked for beyond method and path, such as `weight 5`.
        func asks(_ words: String) { state.withLock { $0.words = words } }
        /// The change took place, whatever becomes of the answer. Without this, nothing has changed.
        func took(_ outcome: String) { state.withLock { $0.done = outcome } }
        /// What the client is told instead of an answer.
        func fails(_ failure: String) { state.withLock { $0.failure = failure } }

        var words: String? { state.withLock { $0.words } }
        var done: String? { state.withLock { $0.done } }
        var failure: String? { state.withLock { $0.failure } }
    }
}

/// The one who sent a request to the admin server.
enum AdminCaller: Sendable, CustomStringConvertible {
    /// - Parameter certificate: the name of the one that was shown, and verified.
    case address(String, certificate: String?)
    /// A process of this machine, at the other end of a Unix socket (SO_PEERCRED, unix(7)).
    case process(user: UInt32, group: UInt32, id: Int32)
    case unknown

    init(_ channel: any Channel) async {
        if let address = channel.remoteAddress, let ip = address.ipAddress {
            let host = ip.contains(":") ? "[\(ip)]" : ip
            self = .address(
                "\(host):\(address.port ?? 0)", certificate: await AdminSession.of(channel).clientName)
        } else if let credentials = await Self.credentials(of: channel) {
            self = .process(user: credentials.user, group: credentials.group, id: credentials.process)
        } else {
            self = .unknown
        }
    }

    /// As the system writes it (`struct ucred`, unix(7)), member by member.
    private struct Credentials: Sendable {
        var process: Int32 = 0
        var user: UInt32 = 0
        var group: UInt32 = 0
    }

    private static func credentials(of channel: any Channel) async -> Credentials? {
        guard let provider = channel as? any SocketOptionProvider else { return nil }
        let option = NIOBSDSocket.Option(rawValue: SO_PEERCRED)
        return try? await provider.unsafeGetSocketOption(level: .socket, name: option).get()
    }

    var description: String {
        switch self {
        case .address(let address, let certificate): address + (certificate.map { " (certificate \($0))" } ?? "")
        case .process(let user, let group, let id): "uid \(user), gid \(group), pid \(id)"
        case .unknown: "an unknown caller"
        }
    }
}
