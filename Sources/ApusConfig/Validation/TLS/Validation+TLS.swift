import ApusAddresses
import ApusModel
import ApusRouting

/// What `tls` of listeners and pools comes to.
extension Validation {
    /// Nil where the listener speaks none, or, with an error, has no certificate.
    mutating func tls(of section: ListenerSection) -> ListenerTLS? {
        guard let written = section.tls else { return nil }
        var tls = written.tls
        let general = written.clients.flatMap { clients($0) }
        for entry in written.all {
            let asked = entry.clients.map { own in own.flatMap { clients($0) } } ?? general
            if let folder = entry.folder {
                tls.folders.append(fullPath(folder.value, at: folder.position))
                tls.certificates += certificates(inFolder: folder).map {
                    .init($0, names: $0.serverNames, clients: asked)
                }
            } else if let certificate = certificate(entry) {
                let names = entry.names.map { checked($0, of: certificate) } ?? certificate.serverNames
                tls.certificates.append(.init(certificate, names: names, clients: asked))
            }
        }
        checkPolicies(tls, at: written.position)
        if let keys = written.tickets?.keys { tls.ticketKeys = ticketKeys(keys) }
        warnOfShadowed(tls, at: written.position)
        if let position = written.ciphersPosition { warnOfUselessCiphers(tls, at: position) }
        if section.servesHalfClosed {
            findings.warning(
                "`half_close: serve` has no effect with `tls`: the end of a socket is not TLS's own, and is taken for a client "
                    + "that has left", at: section.position)
        }
        return tls
    }

    /// Without a certificate, with an error, where there is none to be had. Callers come seldom: their sessions are not resumed.
    mutating func tls(of section: AdminTLSSection) -> ListenerTLS {
        var tls = section.common.tls
        tls.hasTickets = false
        guard let certificate = certificate(section.common.pair) else { return tls }
        var asked = section.clients.flatMap { clients($0.common) }
        asked?.telling = []
        tls.certificates = [.init(certificate, names: certificate.serverNames, clients: asked)]
        return tls
    }

    /// The names that were written; those that the certificate does not have are told of.
    private mutating func checked(_ written: [Located<String>], of certificate: Certificate) -> [String] {
        for name in written where !certificate.covers(name.value) {
            findings.warning(
                "the certificate \(certificate.words) is not for `\(name.value)`: clients that ask for that name refuse it",
                at: name.position)
        }
        return written.map(\.value)
    }

    /// A certificate that another of the same kind always comes before.
    private mutating func warnOfShadowed(_ tls: ListenerTLS, at position: SourcePosition) {
        var known: [String: Int] = [:]
        for (index, shown) in tls.certificates.enumerated() {
            var shadows: Set<Int> = []
            for name in shown.names {
                let place = "\(name) \(shown.certificate.keyKind)"
                if let other = known[place] { shadows.insert(other) } else { known[place] = index }
            }
            let isFree = shown.names.contains { known["\($0) \(shown.certificate.keyKind)"] == index }
            guard !isFree, !shown.names.isEmpty, let other = shadows.min() else { continue }
            findings.warning(
                "the certificate \(shown.certificate.words) is never shown: \(tls.certificates[other].certificate.words) "
                    + "comes before it for all its names", at: position)
        }
    }

    /// Cipher suites of TLS 1.2 go by the kind of a certificate's key.
    private mutating func warnOfUselessCiphers(_ tls: ListenerTLS, at position: SourcePosition) {
        let kinds = Set(tls.certificates.map(\.certificate.keyKind)).sorted()
        guard tls.minimum == .tls12, let kind = kinds.first,
            !tls.ciphers.contains(where: { cipher in kinds.contains { cipher.fits(keyKind: $0) } })
        else { return }
        let example = TLSCipher.usual.first { $0.fits(keyKind: kind) }?.rawValue ?? ""
        findings.warning(
            "`ciphers` has none for a key of \(kinds.joined(separator: " or ")), which the certificates have: no client of TLS 1.2 "
                + "gets in; add one such as `\(example)`, or say so: `minimum: \"1.3\"`", at: position)
    }

    /// Nil where the pool speaks none.
    mutating func tls(of section: PoolSection) -> PoolTLS? {
        guard let written = section.tls else { return nil }
        var tls = written.tls
        if written.verifies {
            let position = section.written?["tls"]?.key.position ?? section.name.position
            if let file = written.authorities {
                tls.authorities = authorities(file)
            } else {
                tls.authorities = systemAuthorities(at: position)
            }
        }
        if written.pair.certificate != nil { tls.certificate = certificate(written.pair, isShown: false) }
        return tls
    }

    /// The route that sends all to the same place by `https:`, behind those that a listener has.
    func redirectToHTTPS() -> Route {
        // Where it is not 443, the port is that of the first listener with TLS.
        let ports = root.listeners.lazy.filter { $0.tls != nil }.compactMap { $0.bind?.value.port }
        let port = ports.contains(443) ? nil : ports.first
        let location = TextTemplate(
            [
                .literal(Array("https://".utf8)), .variable(.host),
            ] + (port.map { [.literal(Array(":\($0)".utf8))] } ?? []) + [.variable(.path), .variable(.query)])
        return Route(name: "* to https", match: RouteMatch(), action: .redirect(Redirect(location: location)))
    }
}

extension Certificate {
    /// The names among those that it is for which a client can ask for: an address is no server name (RFC 6066 section 3).
    var serverNames: [String] { names.filter { IPAddress($0) == nil } }

    /// Whether a client that asks for the name accepts it (RFC 9525 section 6.3).
    func covers(_ name: String) -> Bool {
        if names.contains(name) { return true }
        guard let dot = name.firstIndex(of: ".") else { return false }
        return names.contains("*" + name[dot...])
    }
}
