import ApusAddresses
public import ApusModel
import ApusTLS

/// How the admin server proves who it is, and what is shown to it.
public struct AdminTLS: Sendable {
    private var rules = PoolTLS()

    /// Believes these authorities: the certificate must be for the name or the address that is asked.
    ///
    /// - Parameter certificate: what is shown to a server that asks for one.
    public init(trusting authorities: Authorities, showing certificate: Certificate? = nil) {
        rules.offersProtocols = true
        rules.authorities = authorities
        rules.certificate = certificate
    }

    /// Believes the very certificate that the server's configuration has, whoever has signed it, and no other. Which names it is
    /// for does not matter: this machine may reach the server by another.
    ///
    /// - Returns: nil where it is for no name at all, or not one that can be held against another.
    public init?(only expected: Certificate, showing certificate: Certificate? = nil) {
        guard let held = expected.held as? TLSCertificate, let store = try? TrustStore(only: held),
            let name = expected.names.first
        else { return nil }
        self.init(
            trusting: store.described(file: expected.file ?? Certificate.textPlace, isSystems: false),
            showing: certificate)
        // A wildcard is for any name with one more label.
        rules.name = name.hasPrefix("*.") ? "apus" + name.dropFirst() : name
    }

    func layer(to address: AdminAddress) throws -> AdminTLSLayer? {
        guard case .host(let host, _) = address.place else { return nil }
        // No session is resumed: where it is does not matter.
        let place = SocketAddress(ip: .anyIPv6, port: 0)
        return AdminTLSLayer(try TLSConversation(rules, to: host, at: place))
    }
}

/// Files that the command line names.
extension AdminTLS {
    /// - Parameter file: in PEM.
    public static func authorities(_ text: [UInt8], file: String) throws -> Authorities {
        try TrustStore(authorities: text).described(file: file, isSystems: false)
    }

    public static func certificate(_ chain: [UInt8], key: [UInt8]) throws -> Certificate {
        try TLSCertificate(chain: chain, key: key).described(file: nil, keyFile: nil)
    }
}
