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

        public init(_ certificate: Certificate, names: [String]) {
            self.certificate = certificate
            self.names = names
        }
    }

    /// In the order of the configuration. Where several have a name, the first that the client can make use of is shown; a
    /// client that gives no name, or one that none has, is shown the first, unless `isStrict`.
    public var certificates: [Shown] = []
    /// Whether a client that asks for no known name is shown no certificate at all.
    public var isStrict = false
    /// The oldest version that is spoken.
    public var minimum = TLSVersion.tls12
    /// Whether sessions are resumed by tickets.
    public var hasTickets = true

    public init() {}
}

/// How a pool speaks TLS with its endpoints.
public struct PoolTLS: Sendable, Equatable {
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
