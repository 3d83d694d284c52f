/// The headers that are sent to servers.
extension ProxyHeader {
    /// The header of a connection that carries that client's requests.
    ///
    /// - Parameters:
    ///   - reached: the address at which the client was accepted.
    ///   - security: how the client spoke TLS, which version 2 alone can say; nil where it did not.
    public static func bytes(
        _ version: ProxyProtocol, client: SocketAddress, reached: SocketAddress, security: ClientSecurity? = nil
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
            let extensions = security?.extensions ?? []
            var bytes = start(command: 1, family: isIPv4 ? .ipv4 : .ipv6, transport: 1, and: extensions.count)
            for ip in [client.ip, reached.ip] {
                if !isIPv4 { bytes.append(number: ip.high, 8) }
                bytes.append(number: ip.low, isIPv4 ? 4 : 8)
            }
            for port in [client.port, reached.port] { bytes.append(number: UInt64(port), 2) }
            return bytes + extensions
        }
    }

    /// The header of a connection that is this side's own: a health check.
    public static func bytesOfNobody(_ version: ProxyProtocol) -> [UInt8] {
        switch version {
        case .v1: Array("PROXY UNKNOWN\r\n".utf8)
        case .v2: start(command: 0, family: .unspecified, transport: 0)
        }
    }

    private static func start(command: UInt8, family: Family, transport: UInt8, and more: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fixedCount + family.addressBytes + more)
        for at in signature.indices { bytes.append(signature[at]) }
        bytes += [2 << 4 | command, family.rawValue << 4 | transport]
        bytes.append(number: UInt64(family.addressBytes + more), 2)
        return bytes
    }

    /// An IPv4 address beside an IPv6 one is written as the IPv6 address that stands for it.
    private static func text(_ ip: IPAddress, _ isIPv4: Bool) -> String {
        ip.isIPv4 && !isIPv4 ? "::ffff:\(ip)" : "\(ip)"
    }
}

extension ProxyHeader {
    /// How a client spoke TLS (sections 2.2.2 and 2.2.6 of the specification).
    public struct ClientSecurity: Sendable, Hashable {
        /// The name that it asked for (SNI); nil for none.
        public var serverName: String?
        /// `TLSv1.3`.
        public var version: String
        /// The cipher suite, by OpenSSL's name.
        public var cipher: String
        /// What of a certificate it has shown, which was verified; nil where it has shown none.
        public var certificate: Certificate?

        public struct Certificate: Sendable, Hashable {
            public var commonName: String?
            /// It was shown when the session was made that this connection has resumed.
            public var isOfSession: Bool

            public init(commonName: String?, isOfSession: Bool) {
                self.commonName = commonName
                self.isOfSession = isOfSession
            }
        }

        public init(serverName: String?, version: String, cipher: String, certificate: Certificate?) {
            self.serverName = serverName
            self.version = version
            self.cipher = cipher
            self.certificate = certificate
        }

        /// Longer texts are left out: no header is to be refused for what is said beside the address.
        static let textLimit = 255

        fileprivate var extensions: [UInt8] {
            var security: [UInt8] = [1 | (certificate.map { $0.isOfSession ? 4 : 6 } ?? 0)]
            // "Zero if the client presented a certificate and it was successfully verified".
            security.append(number: certificate == nil ? 1 : 0, 4)
            security.append(kind: 0x21, version)
            security.append(kind: 0x23, cipher)
            security.append(kind: 0x22, certificate?.commonName)
            var all: [UInt8] = []
            all.append(kind: 0x02, serverName)
            all.append(kind: 0x20, security)
            return all
        }
    }
}

extension [UInt8] {
    /// One extension (TLV).
    fileprivate mutating func append(kind: UInt8, _ value: [UInt8]) {
        append(kind)
        append(number: UInt64(value.count), 2)
        self += value
    }

    fileprivate mutating func append(kind: UInt8, _ text: String?) {
        guard let text, !text.isEmpty, text.utf8.count <= ProxyHeader.ClientSecurity.textLimit else { return }
        append(kind: kind, Array(text.utf8))
    }

    /// The lowest bytes of a number, the highest of them first.
    fileprivate mutating func append(number: UInt64, _ count: Int) {
        for byte in (0..<count).reversed() { append(UInt8(truncatingIfNeeded: number >> UInt64(8 * byte))) }
    }
}
