import ApusModel
import ApusTLS

/// What clients must show.
extension Validation {
    /// Nil where nothing is asked, or, with an error, the authorities are not to be had.
    mutating func clients(_ section: ClientCertificatesSection) -> ClientCertificateRules? {
        guard section.mode != .off, let written = section.authorities,
            case let found = authorities(written, revoked: section.revoked), let authorities = found.authorities
        else { return nil }
        var rules = ClientCertificateRules(authorities)
        rules.mode = section.mode
        rules.revoked = found.revoked
        rules.names = section.names
        rules.telling = section.telling
        if let revoked = found.revoked, let position = section.revoked?.position { warn(of: revoked, at: position) }
        return rules
    }

    private mutating func warn(of revoked: RevocationLists, at position: SourcePosition) {
        guard let next = revoked.nextUpdate, next < loader.now() else { return }
        findings.warning(
            "the list of revoked certificates \(Node.quoted(revoked.file, by: "`")) should have been replaced on "
                + "\(Certificate.day(next)): no client of its authority is let in until there is a newer one; have one made, or "
                + "see why it does not come", at: position)
    }

    /// A route that lets nobody in is a mistake: it, or the listener, was meant otherwise.
    mutating func checkRequirement(_ route: Route, of tls: ListenerTLS?, _ section: RouteSection) {
        guard route.clientCertificate != nil, let position = section.written?["client_certificate"]?.key.position,
            tls?.asksClients != true
        else { return }
        let what = tls == nil ? "has no `tls`" : "asks no client for a certificate"
        findings.error(
            "`client_certificate` lets nobody in: the listener \(what); ask for certificates with "
                + "`tls: { clients: { ca: clients.pem, mode: optional } }`", at: position)
    }

    /// Clients that ask for the same name must be asked for the same.
    mutating func checkPolicies(_ tls: ListenerTLS, at position: SourcePosition) {
        var known: [String: ListenerTLS.Shown] = [:]
        var told: Set<String> = []
        for shown in tls.certificates {
            for name in shown.names {
                guard let other = known[name] else {
                    known[name] = shown
                    continue
                }
                guard other.clients != shown.clients, told.insert(shown.certificate.words).inserted else { continue }
                findings.error(
                    "`\(name)` has two certificates, \(other.certificate.words) and \(shown.certificate.words), that ask different "
                        + "things of clients; give both the same `clients`", at: position)
            }
        }
    }
}
