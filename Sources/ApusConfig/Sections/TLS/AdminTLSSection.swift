import ApusModel

/// `tls` of a listener of the admin server: one certificate, and whom it asks for one.
struct AdminTLSSection {
    /// What is read by the keys of listeners.
    var common = ListenerTLSSection.usual
    var clients: AdminClientsSection?

    private init() {}

    /// What `diff` shows of one that runs.
    init(_ tls: ListenerTLS) {
        common = ListenerTLSSection(tls)
        guard let shown = tls.certificates.first else { return }
        common.pair.certificate = Located(value: Settings.words(shown.certificate), position: .start)
        clients = shown.clients.map { AdminClientsSection($0) }
    }
}

extension AdminTLSSection: Keyed {
    static let usual = AdminTLSSection()

    static let keys: [SectionKey<AdminTLSSection>] =
        [
            SectionKey(
                "certificate", \.common.pair.certificate, CertificateSection.path,
                "The certificate, and behind it those of its issuers.", needed: "admin.pem")
        ] + ListenerTLSSection.keys.filter { ["key", "minimum"].contains($0.name) }.map { $0.within(\.common) } + [
            SectionKey(
                "clients", \.clients, Kind.switched(nil, example: "{ ca: operators.pem }"),
                "What callers must show: certificates of their own.", usually: "none")
        ]
}

/// `clients` of an admin listener: as for other listeners, but without `forward`, since there is no origin to be told.
struct AdminClientsSection {
    var common = ClientCertificatesSection.usual

    private init() {}

    init(_ rules: ClientCertificateRules) { common = ClientCertificatesSection(rules) }
}

extension AdminClientsSection: Keyed {
    static let usual = AdminClientsSection()

    static let keys = ClientCertificatesSection.keys.filter { $0.name != "forward" }.map { key in
        key.within(\AdminClientsSection.common)
    }

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) { common.check(written, &findings) }
}
