import ApusAddresses
import ApusModel
import ApusRouting
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
    mutating func checkRequirement(
        _ route: Route, of tls: ListenerTLS?, _ listener: ListenerSection, _ section: RouteSection
    ) {
        guard let requirement = route.clientCertificate,
            let position = section.written?["client_certificate"]?.key.position
        else { return }
        if let tls, tls.asksClients { return warnOfNobody(requirement, route.match.hosts, of: tls, at: position) }
        // What asks may be what could not be read.
        guard !listener.isTLSWrong, listener.tls?.asksClients != true else { return }
        let what = tls == nil ? "has no `tls`" : "asks no client for a certificate"
        findings.error(
            "`client_certificate` lets nobody in: the listener \(what); ask for certificates with "
                + "`tls: { clients: { ca: clients.pem, mode: optional } }`", at: position)
    }

    /// Where a listener asks some clients, and those of the route's hosts nothing, or for other names.
    private mutating func warnOfNobody(
        _ requirement: ClientRequirement, _ hosts: [HostPattern], of tls: ListenerTLS, at position: SourcePosition
    ) {
        guard !findings.hasErrors else { return }
        let policies = tls.policies(for: hosts)
        guard !policies.isEmpty else { return }
        let rules = policies.compactMap(\.self)
        if rules.isEmpty {
            let names = hosts.map { "`\($0.words)`" }.joined(separator: " or ")
            findings.warning(
                "`client_certificate` lets nobody in: clients that ask for \(names) are asked for no certificate; give the "
                    + "certificate for that name `clients`, such as `{ ca: clients.pem, mode: optional }`", at: position
            )
        } else if rules.allSatisfy({ $0.excludes(requirement) }) {
            let names = Set(rules.flatMap(\.names).map { "`\($0.text)`" }).sorted().joined(separator: ", ")
            findings.warning(
                "`client_certificate` lets nobody in: a certificate has one such name, and `clients` lets in \(names) alone; "
                    + "add this one to its `names`, or let the route ask for one of those", at: position)
        }
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

extension ClientCertificateRules {
    /// Whether no certificate that these rules let in has a name that a route asks for.
    fileprivate func excludes(_ requirement: ClientRequirement) -> Bool {
        guard !names.isEmpty, !requirement.names.isEmpty else { return false }
        return names.allSatisfy { own in requirement.names.allSatisfy { own.excludes($0) } }
    }
}

extension ListenerTLS {
    /// What clients are asked for whose requests have such a host: a request whose host has other rules than the name of its
    /// connection is misdirected.
    fileprivate func policies(for hosts: [HostPattern]) -> [ClientCertificateRules?] {
        let known = policies
        guard !hosts.isEmpty, !hosts.contains(.any) else { return known }
        let names = CertificateNames(self)
        let own = certificates.flatMap(\.names)
        var found: Set<Int> = []
        for host in hosts {
            switch host {
            case .any: break
            case .exact(let bytes):
                let name = String(decoding: bytes, as: UTF8.self)
                let isAddress = name.hasPrefix("[") || IPAddress(name) != nil
                found.insert(names.policy(for: isAddress ? nil : name))
            case .suffix(let bytes):
                let suffix = String(decoding: bytes, as: UTF8.self)
                // A wildcard is looked up by a name that only it can be for; so is the one that is shown to all others.
                let below = own.filter { $0.hasSuffix(suffix) }.map {
                    $0.hasPrefix("*.") ? "\u{1}" + $0.dropFirst() : $0
                }
                for name in below + ["\u{1}\(suffix)", "\u{1}.\u{1}\(suffix)"] { found.insert(names.policy(for: name)) }
            }
        }
        return found.filter { $0 >= 0 }.sorted().map { known[$0] }
    }
}
