import ApusModel
import ApusTLS
import Logging
import NIOCore
import Synchronization

/// What the TLS connections of one listener of the admin server are made from: its rules as the running configuration has
/// them when a connection comes.
final class AdminShield: Sendable {
    private let door: AdminDoor
    private let connections: AdminConnections
    private let logger: Logger
    private let failures = Refusals()
    /// Made once for the same rules.
    private let made = Mutex<(rules: ListenerTLS, context: TLSContext)?>(nil)

    init(door: AdminDoor, connections: AdminConnections, logger: Logger) {
        self.door = door
        self.connections = connections
        self.logger = logger
    }

    /// What a new connection speaks TLS by; nil where the listener speaks plain HTTP.
    func handler() throws(TLSFailure) -> AdminTLSHandler? {
        guard let rules = door.current.tls else { return nil }
        return AdminTLSHandler(try TLSConversation(serving: try context(rules)), rules, self)
    }

    private func context(_ rules: ListenerTLS) throws(TLSFailure) -> TLSContext {
        if let known = made.withLock({ $0 }), known.rules == rules { return known.context }
        let context = try TLSContext(rules)
        made.withLock { $0 = (rules, context) }
        return context
    }

    func shook() { connections.shook(isGood: true) }

    /// Counts one that has come to no end.
    func unfinished() { connections.shook(isGood: false) }

    /// Counts a handshake that has failed, and logs it, at a bounded rate.
    func failed(_ fault: HandshakeFault, with address: NIOCore.SocketAddress?) {
        connections.shook(isGood: false)
        guard let omitted = failures.admit(at: .now()) else { return }
        let more = omitted == 0 ? "" : "; \(omitted) more have failed and were not logged"
        let caller = address.flatMap { address in address.ipAddress.map { "\($0) port \(address.port ?? 0)" } }
        logger.warning(
            "admin: no TLS with \(caller ?? "an unknown caller") through \(door.bind): \(fault)\(more)")
    }
}

/// How the caller at the other end of a connection was let in.
struct AdminSession: Sendable {
    /// The rules of its handshake; nil for plain HTTP.
    var rules: ListenerTLS?
    /// The name of the caller's certificate, for logs; nil where none was verified.
    var clientName: String?

    static func of(_ channel: any Channel) async -> AdminSession {
        let found = channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: AdminTLSHandler.self).session
        }
        return (try? await found.get()) ?? AdminSession()
    }

    /// Whether a new connection would have to show the same.
    func holds(for admin: Admin) -> Bool {
        (rules == nil) == (admin.tls == nil) && ListenerTLS.asksAlike(rules, admin.tls)
    }
}
