import ApusExchange
import ApusHTTP
import ApusModel

/// What a handshake would come to.
extension RequestExplainer {
    /// - Returns: whether there is a request at all.
    func explainTLS(
        _ listener: Listener, _ parts: DescribedRequest.Parts, in explanation: inout RequestExplanation
    ) -> Bool {
        guard let tls = listener.tls else { return true }
        guard parts.isSecure != false else {
            explanation.refuse(.plainHTTPOnTLS)
            return false
        }
        let name = parts.serverName
        let (found, match) = CertificateNames(tls).find(name)
        let shown = found.map { tls.certificates[$0].certificate }
        explanation.certificateFiles = shown.map { $0.file ?? Certificate.textPlace }
        let words = shown.map { "\($0.file ?? Certificate.textPlace) (\($0.keyKind), until \($0.lastDay))" }.joined(
            separator: " or ")
        let missing = name.map { "there is none for \($0)" } ?? "the client asks for no name"
        explanation.certificate =
            switch match {
            case .name(let name): "\(words), for the name \(name)"
            case .wildcard(let name): "\(words), for \(name)"
            case .first: "\(words), the first: \(name.map { "none is for \($0)" } ?? "the client asks for no name")"
            case .nothing: "none: \(missing), and `strict` is on: the handshake fails"
            }
        if match == .nothing {
            let missing = name.map { "there is no certificate for \($0)" } ?? missing
            explanation.failHandshake("\(missing), and `strict` is on")
        }
        return match != .nothing
    }

    func policy(_ listener: Listener, _ parts: DescribedRequest.Parts, _ index: Int) -> Int32 {
        guard let tls = listener.tls, rules.hasPolicies(index) else { return -1 }
        return Int32(CertificateNames(tls).policy(for: parts.serverName))
    }

    /// What the client must show.
    ///
    /// - Returns: nil when the handshake would fail, else what the client shows.
    func explainClient(
        _ request: DescribedRequest, _ listener: Listener, _ parts: DescribedRequest.Parts,
        in explanation: inout RequestExplanation
    ) -> ShownCertificate? {
        let given = request.clientCertificate.map { Self.words(ofCertificate: $0) }
        guard let asked = self.asked(listener, parts) else {
            let why = listener.tls == nil ? "there is no TLS" : "clients that ask for this name are asked for none"
            explanation.clientCertificate = given.map { "does not show \($0): \(why)" }
            return ShownCertificate()
        }
        let who = "signed by an authority in \(asked.authorities.file)"
        let outdated = asked.revoked.flatMap { self.outdated($0) }
        let note = outdated.map { "; \($0)" } ?? ""
        guard let names = request.clientCertificate, let given else {
            explanation.clientCertificate =
                "shows no certificate; one \(who) is \(asked.mode.rawValue)\(note)"
            guard asked.mode == .required else { return ShownCertificate() }
            explanation.failHandshake("the name asks for a certificate of the client")
            return nil
        }
        guard asked.accepts(names) else {
            let wanted = asked.names.map(\.text).joined(separator: ", ")
            explanation.clientCertificate = "shows \(given), but only these names are let in: \(wanted)\(note)"
            explanation.failHandshake("the client's certificate has none of the names that are let in: \(wanted)")
            return nil
        }
        explanation.clientCertificate = "shows \(given), assumed to be \(who)\(note)"
        // Of several lists, that of another authority may be meant.
        if let outdated, asked.revoked?.count == 1 {
            explanation.failHandshake(outdated)
            return nil
        }
        return ShownCertificate(names: names, telling: asked.telling)
    }

    /// What is asked of clients that ask for the URL's name; nil for nothing.
    private func asked(_ listener: Listener, _ parts: DescribedRequest.Parts) -> ClientCertificateRules? {
        guard let tls = listener.tls, case let policy = CertificateNames(tls).policy(for: parts.serverName), policy >= 0
        else { return nil }
        return tls.policies[policy]
    }

    private static func words(ofCertificate names: [String]) -> String {
        names.isEmpty ? "a certificate" : "a certificate for \(names.joined(separator: ", "))"
    }

    /// Nil while they hold.
    private func outdated(_ lists: RevocationLists) -> String? {
        guard let next = lists.nextUpdate, next < now else { return nil }
        let whom = lists.count == 1 ? "nobody" : "nobody of its authority"
        let which = lists.count == 1 ? "the list" : "a list"
        return
            "\(which) of revoked certificates \(lists.file) is out of date since \(Certificate.day(next)): \(whom) is let in"
    }
}

/// What of a client's certificate routes and origins see.
struct ShownCertificate {
    /// Its names; nil where the client has shown none that was verified.
    var names: [String]?
    /// How origins are told.
    var telling: [ClientCertificateRules.Telling] = []

    /// What origins get; what nobody knows here is put in words.
    var fields: [RequestExplanation.Edit] {
        guard let names else { return [] }
        return telling.map { telling in
            switch telling {
            case .clientCert:
                .init(action: "set", name: "Client-Cert", value: "(the certificate that the client shows)")
            case .clientCertChain:
                .init(
                    action: "set", name: "Client-Cert-Chain",
                    value: "(what the client shows behind its certificate; if nothing, there is no such field)")
            case .xfcc: .init(action: "set", name: "X-Forwarded-Client-Cert", value: Self.element(names))
            }
        }
    }

    /// One element of X-Forwarded-Client-Cert, with the names that stand in it.
    private static func element(_ names: [String]) -> String {
        let others = names.filter { !$0.hasPrefix("CN=") }
        let uris = others.filter { $0.contains(":") }.map { "URI=\($0)" }
        let hosts = others.filter { !$0.contains(":") && !$0.contains("@") }.map { "DNS=\($0)" }
        return (["Hash=...", "Subject=\"...\""] + uris + hosts).joined(separator: ";")
    }
}

extension RequestExplanation {
    fileprivate mutating func failHandshake(_ why: String) {
        outcome = .noHandshake
        handshakeFailure = why
    }
}
