import ApusModel

/// TLS: handshakes of clients, and when certificates end.
extension MetricsText {
    func writeTLS(to writer: inout ExpositionWriter) {
        let sealed = listeners.filter { snapshot.listeners[$0].tls != nil }
        writer.family(
            "apus_tls_handshakes_total", .counter,
            "TLS handshakes of clients, by outcome: full, resumed, failed, timed_out, or left.")
        for listener in sealed { writeHandshakes(of: listener, to: &writer) }
        writer.family(
            "apus_tls_handshake_failures_total", .counter, "TLS handshakes of clients that failed, by cause.")
        for listener in sealed {
            for fault in HandshakeFault.Kind.allCases {
                writer.sample(
                    ["listener": listenerNames[listener], "cause": fault.rawValue],
                    counters.total(layout.handshakes(fault, listener: listener)))
            }
        }
        writer.family(
            "apus_tls_versions_total", .counter, "TLS handshakes of clients that were completed, by version."
        )
        for listener in sealed {
            let total = { (counter: CounterLayout.ListenerCounter) in counters.total(layout.listener(listener, counter))
            }
            // The older one first: what ends in between must not make the difference negative.
            let older = total(.handshakesOf12)
            let all = total(.handshakes)
            writer.sample(["listener": listenerNames[listener], "version": "1.2"], older)
            writer.sample(["listener": listenerNames[listener], "version": "1.3"], all - min(all, older))
        }
        let asking = sealed.filter { snapshot.listeners[$0].tls?.asksClients == true }
        writer.family(
            "apus_tls_client_certificates_total", .counter,
            "Certificates of clients, by what came of them: verified, or refused, among them those that were missing.")
        for listener in asking {
            let total = { (counter: CounterLayout.ListenerCounter) in counters.total(layout.listener(listener, counter))
            }
            let outcomes = [("verified", total(.clientCertificates)), ("refused", total(.clientCertificateFailures))]
            for (outcome, count) in outcomes {
                writer.sample(["listener": listenerNames[listener], "outcome": outcome], count)
            }
        }
        writer.family(
            "apus_tls_certificate_not_after_seconds", .gauge,
            "When a certificate ends, in seconds since 1970, by the first name that it is shown for.")
        writeCertificates(of: sealed, to: &writer) { $0.notAfter }
        writer.family(
            "apus_tls_ocsp_response_not_after_seconds", .gauge,
            "Until when the OCSP response shown with a certificate holds, in seconds since 1970; 0 where the file has none."
        )
        writeCertificates(of: sealed, to: &writer) { certificate in
            // Without an end it is nothing to wait for.
            certificate.stapled.flatMap { $0.until == .max ? nil : $0.until ?? 0 }
        }
        writeRevocationLists(to: &writer)
    }

    private func writeRevocationLists(to writer: inout ExpositionWriter) {
        writer.family(
            "apus_tls_revocation_list_not_after_seconds", .gauge,
            "When an authority's list of revoked certificates is out of date, in seconds since 1970.")
        for list in snapshot.revocationLists {
            guard case .revocationList(let issuer) = list.kind, let until = list.until else { continue }
            let listener =
                switch list.place {
                case .listener(let index), .pool(let index): listenerNames[index]
                case .admin(let index): "\(snapshot.operations.admin[index].bind)"
                }
            writer.sample(["listener": listener, "issuer": issuer, "file": list.file], UInt64(max(0, until)))
        }
    }

    /// A sample for each certificate of which `value` makes something.
    private func writeCertificates(
        of sealed: [Int], to writer: inout ExpositionWriter, _ value: (Certificate) -> Int64?
    ) {
        for listener in sealed {
            guard let tls = snapshot.listeners[listener].tls else { continue }
            writeCertificates(of: tls, as: listenerNames[listener], to: &writer, value)
        }
        for admin in snapshot.operations.admin {
            if let tls = admin.tls { writeCertificates(of: tls, as: "\(admin.bind)", to: &writer, value) }
        }
    }

    private func writeCertificates(
        of tls: ListenerTLS, as listener: String, to writer: inout ExpositionWriter,
        _ value: (Certificate) -> Int64?
    ) {
        var told: Set<String> = []
        for shown in tls.certificates {
            let name = shown.names.first ?? ""
            let kind = shown.certificate.keyKind.lowercased()
            guard told.insert("\(name) \(kind)").inserted, let value = value(shown.certificate) else { continue }
            writer.sample(["listener": listener, "name": name, "key": kind], UInt64(max(0, value)))
        }
    }

    private func writeHandshakes(of listener: Int, to writer: inout ExpositionWriter) {
        let total = { (counter: CounterLayout.ListenerCounter) in counters.total(layout.listener(listener, counter)) }
        // The resumed ones first: what ends in between must not make the difference negative.
        let resumed = total(.handshakesResumed)
        let all = total(.handshakes)
        let outcomes: [(String, UInt64)] = [
            ("full", all - min(all, resumed)), ("resumed", resumed), ("failed", total(.handshakeFailures)),
            ("timed_out", total(.handshakeTimeouts)), ("left", total(.handshakesLeft)),
        ]
        for (outcome, count) in outcomes {
            writer.sample(["listener": listenerNames[listener], "outcome": outcome], count)
        }
    }
}
