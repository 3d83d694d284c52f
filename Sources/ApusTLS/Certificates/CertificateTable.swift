import ApusModel

/// The certificates of a listener, by the names that clients ask for.
struct CertificateTable: Sendable {
    private let names: CertificateNames
    private let certificates: [TLSCertificate?]
    /// What clients must show, in the order of `ListenerTLS.policies`.
    private let policies: [ClientPolicy?]

    init(_ tls: ListenerTLS) throws(TLSFailure) {
        names = CertificateNames(tls)
        certificates = tls.certificates.map { $0.certificate.held as? TLSCertificate }
        var policies: [ClientPolicy?] = []
        for rules in tls.policies {
            policies.append(try rules.map { (rules) throws(TLSFailure) in try ClientPolicy(rules) })
        }
        self.policies = policies
    }

    /// Whether any client is asked for a certificate.
    var asksClients: Bool { policies.contains { $0 != nil } }

    /// What a client must show that asks for a name; nil for nothing.
    func clients(for name: String?) -> ClientPolicy? {
        guard asksClients, case let policy = names.policy(for: name), policy >= 0 else { return nil }
        return policies[policy]
    }

    /// The number of that.
    func policy(for name: String?) -> Int { names.policy(for: name) }

    /// The number of what a request for a host is held to.
    func policy(ofHost host: String?) -> Int { names.policy(ofHost: host) }

    /// - Parameter name: what the client asks for; nil for nothing.
    /// - Returns: none where the client is to be shown nothing.
    func certificates(for name: String?) -> [TLSCertificate] {
        names.find(name).certificates.compactMap { certificates[$0] }
    }
}
