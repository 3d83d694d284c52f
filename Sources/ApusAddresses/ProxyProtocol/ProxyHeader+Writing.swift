/// The headers that are sent to servers.
extension ProxyHeader {
    /// The header of a connection that carries that client's requests.
    ///
    /// - Parameter reached: the address at which the client was accepted.
    public static func bytes(
        _ version: ProxyProtocol, client: SocketAddress, reached: SocketAddress
    ) -> [UInt8] {
        let isIPv4 = client.ip.isIPv4 && reached.ip.isIPv4
        switch version {
        case .v1:
            let words = [
                "PROXY", isIPv4 ? "TCP4" : "TCP6", text(client.ip, isIPv4), text(reached.ip, isIPv4), "\(client.port)",
                "\(reached.port)",
            ]
            return Array((words.joined(separator: " ") + "\r\n").utf8)
        case .v2:
            var bytes = start(command: 1, family: isIPv4 ? .ipv4 : .ipv6, transport: 1)
            for ip in [client.ip, reached.ip] {
                if !isIPv4 { bytes.append(number: ip.high, 8) }
                bytes.append(number: ip.low, isIPv4 ? 4 : 8)
            }
            for port in [client.port, reached.port] { bytes.append(number: UInt64(port), 2) }
            return bytes
        }
    }

    /// The header of a connection that is this side's own: a health check.
    public static func bytesOfNobody(_ version: ProxyProtocol) -> [UInt8] {
        switch version {
        case .v1: Array("PROXY UNKNOWN\r\n".utf8)
        case .v2: start(command: 0, family: .unspecified, transport: 0)
        }
    }

    private static func start(command: UInt8, family: Family, transport: UInt8) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fixedCount + family.addressBytes)
        for at in signature.indices { bytes.append(signature[at]) }
        bytes += [2 << 4 | command, family.rawValue << 4 | transport]
        bytes.append(number: UInt64(family.addressBytes), 2)
        return bytes
    }

    /// An IPv4 address beside an IPv6 one is written as the IPv6 address that stands for it.
    private static func text(_ ip: IPAddress, _ isIPv4: Bool) -> String {
        ip.isIPv4 && !isIPv4 ? "::ffff:\(ip)" : "\(ip)"
    }
}

extension [UInt8] {
    /// The lowest bytes of a number, the highest of them first.
    fileprivate mutating func append(number: UInt64, _ count: Int) {
        for byte in (0..<count).reversed() { append(UInt8(truncatingIfNeeded: number >> UInt64(8 * byte))) }
    }
}
