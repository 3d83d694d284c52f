/// An IP address and a port: where a listener binds, where an endpoint is reached, where a client came from.
public struct SocketAddress: Hashable, Sendable {
    public let ip: IPAddress
    public let port: UInt16

    @inlinable
    public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }
}

extension SocketAddress: CustomStringConvertible {
    /// Reads `1.2.3.4:80` or `[::1]:80`: an address and a port of 0 to 65,535, an IPv6 address in brackets.
    /// Nil for anything else, names included.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)[...]
        guard let colon = bytes.lastIndex(of: .colon),
            let port = decimal(bytes[(colon + 1)...], atMost: Int(UInt16.max))
        else { return nil }
        let host = bytes[..<colon]
        let bracketed = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
        let inner = bracketed ? host.dropFirst().dropLast() : host
        guard inner.contains(.colon) == bracketed,
            let ip = IPAddress(String(decoding: inner, as: UTF8.self))
        else { return nil }
        self.init(ip: ip, port: UInt16(port))
    }

    /// `1.2.3.4:80` or `[::1]:80`.
    public var description: String {
        ip.isIPv4 ? "\(ip):\(port)" : "[\(ip)]:\(port)"
    }
}
