import ApusModel
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import Synchronization

/// Has Hummingbird serve connections that `AdminConnectionHandler` reads and writes.
struct AdminChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = AcceptedConnection

    /// There are too many connections, and none can make way.
    struct Refused: Error {}

    let connections: AdminConnections
    /// Whether something can be changed by the listener now.
    let mayChange: @Sendable () -> Bool
    /// Nil for plain HTTP, whatever the listener's rules say.
    var shield: AdminShield?
    let responder: HTTPChannelHandler.Responder

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            guard let id = connections.admit(channel, mayChange: mayChange()) else {
                channel.close(promise: nil)
                throw Refused()
            }
            do {
                if let tls = try shield?.handler() { try channel.pipeline.syncOperations.addHandler(tls) }
                try channel.pipeline.syncOperations.addHandler(AdminConnectionHandler(connections, id: id))
                return AcceptedConnection(
                    try NIOAsyncChannel(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                )
            } catch {
                connections.closed(id)
                throw error
            }
        }
    }

    func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value.take(), logger: logger) }
}

/// A connection on its way from where it is accepted to where it is served.
///
/// A server that ends lets go of those that have just come and nobody has taken. NIO ends the process when such a channel
/// was never finished; here it is closed.
final class AcceptedConnection: ServerChildChannelValue {
    private let asyncChannel: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
    private let isTaken = Atomic(false)

    init(_ asyncChannel: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>) { self.asyncChannel = asyncChannel }

    var channel: any Channel { asyncChannel.channel }

    func take() -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
        isTaken.store(true, ordering: .relaxed)
        return asyncChannel
    }

    deinit {
        guard !isTaken.load(ordering: .relaxed) else { return }
        Task { [asyncChannel] in try? await asyncChannel.executeThenClose { _, _ in } }
    }
}

extension HTTPServerBuilder {
    static func admin(
        _ connections: AdminConnections, by door: AdminDoor, logger: Logger
    ) -> HTTPServerBuilder {
        let shield = AdminShield(door: door, connections: connections, logger: logger)
        return HTTPServerBuilder {
            AdminChannel(
                connections: connections, mayChange: { door.current.grantedRole >= .change }, shield: shield,
                responder: $0)
        }
    }
}
