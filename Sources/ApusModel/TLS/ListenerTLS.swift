/// A version of TLS.
public enum TLSVersion: String, Sendable, CaseIterable {
    case tls12 = "1.2"
    case tls13 = "1.3"
}

/// How a listener speaks TLS with its clients.
public struct ListenerTLS: Sendable, Equatable {
    /// A certificate, and for whom it is shown.
    public struct Shown: Sendable, Equatable {
        public var certificate: Certificate
        /// The server names (SNI) that it is shown for, in lower case: whole ones, or with `*` as their first label.
        public var names: [String]
        /// What clients that ask for these names must show; nil for nothing.
        public var clients: ClientCertificateRules?

        public init(_ certificate: Certificate, names: [String], clients: ClientCertificateRules? = nil) {
            self.certificate = certificate
            self.names = names
            self.clients = clients
        }
    }

    /// In the order of the configuration. Where several have a name, the first that the client can make use of is shown; a
    /// client that gives no name, or one that none has, is shown the first, unless `isStrict`.
    public var certificates: [Shown] = []
    /// The folders that certificates were looked for in.
    public var folders: [String] = []
    /// Whether a client that asks for no known name is shown no certificate at all.
    public var isStrict = false
    /// The oldest version that is spoken.
    public var minimum = TLSVersion.tls12
    public var groups = TLSGroup.usual
    public var ciphers = TLSCipher.usual
    /// Whether sessions are resumed by tickets.
    public var hasTickets = true
    /// What the tickets are sealed with; nil for the process's own keys.
    public var ticketKeys: SharedTicketKeys?
    /// How long the process's own keys seal tickets before the next ones do.
    public var ticketRotation = usualTicketRotation

    public static let usualTicketRotation = Duration.seconds(12 * 3_600)

    public init() {}
}

/// How a pool speaks TLS with its endpoints.
public struct PoolTLS: Sendable, Equatable {
    /// Whether HTTP/1.1 is offered by name (ALPN, RFC 7301).
    public var offersProtocols = true
    /// The name that is asked for (SNI) and that the endpoint's certificate must have; nil for the endpoint's own host name
    /// or address.
    public var name: String?
    /// Whose certificates are believed; nil for anybody's, whatever they say.
    public var authorities: Authorities?
    /// What is shown to an endpoint that asks for a certificate.
    public var certificate: Certificate?
    /// The oldest version that is spoken.
    public var minimum = TLSVersion.tls12

    public init() {}
}
