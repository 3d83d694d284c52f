import ApusModel
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// Has Hummingbird serve connections that `AdminConnectionHandler` reads and writes.
struct AdminChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    /// There are too many connections, and none can make way.
    struct Refused: Error {}

    let connections: AdminConnections
    /// Whether something can be changed by the listener now.
    let mayChange: @Sendable () -> Bool
    let responder: HTTPChannelHandler.Responder

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            guard let id = connections.admit(channel, mayChange: mayChange()) else {
                channel.close(promise: nil)
                throw Refused()
            }
            do {
                try channel.pipeline.syncOperations.addHandler(AdminConnectionHandler(connections, id: id))
                return try NIOAsyncChannel(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            } catch {
                connections.closed(id)
                throw error
            }
        }
    }

    func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value, logger: logger) }
}

extension HTTPServerBuilder {
    static func admin(_ connections: AdminConnections, by door: AdminDoor) -> HTTPServerBuilder {
        HTTPServerBuilder {
            AdminChannel(
                connections: connections, mayChange: { door.current.grantedRole >= .change }, responder: $0)
        }
    }
}
