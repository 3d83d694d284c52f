/// An IP address and a port: where a listener binds, where an endpoint is reached, where a client came from.
public struct SocketAddress: Hashable, Sendable {
    public let ip: IPAddress
    public let port: UInt16

    public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}
