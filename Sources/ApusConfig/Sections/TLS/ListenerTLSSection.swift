import ApusModel

/// A listener's `tls`.
struct ListenerTLSSection {
    /// What is said of it but its certificates, which are read when all else is known.
    var tls = ListenerTLS()
    /// The pair that stands in the section itself, and those of `certificates`.
    var pair = CertificateSection()
    var certificates: [CertificateSection] = []
    var clients: ClientCertificatesSection?
    var preset = TLSPreset.intermediate
    /// Nil for none.
    var tickets: TicketsSection? = TicketsSection()
    var position = SourcePosition.start
    /// Where `ciphers` were written.
    private(set) var ciphersPosition: SourcePosition?
    /// `clients` was written for all certificates, though perhaps not as it must be.
    private var hasWrongClients = false
    /// All certificates that run ask the same of clients: it is told once.
    private var tellsClients = false

    /// What `diff` shows of a listener that runs.
    ///
    /// - Parameter tellsClients: all its certificates ask the same of clients: it is told once, and not of each.
    init(_ tls: ListenerTLS, tellsClients: Bool = false) {
        self.tls = tls
        self.tellsClients = tellsClients
        tickets = tls.hasTickets ? TicketsSection(tls) : nil
        if tellsClients { clients = tls.certificates.first?.clients.map { ClientCertificatesSection($0) } }
    }

    private init() {}

    var all: [CertificateSection] { (pair.certificate == nil ? [] : [pair]) + certificates }

    /// Whether some clients are to be asked for certificates, as far as what was written can be read.
    var asksClients: Bool {
        let general = clients.map { $0.mode != .off } ?? hasWrongClients
        return all.contains { entry in entry.clients.map { $0.map { $0.mode != .off } ?? false } ?? general }
    }
}

extension ListenerTLSSection: Keyed {
    static let usual = ListenerTLSSection()

    static let keys: [SectionKey<ListenerTLSSection>] = [
        SectionKey(
            "certificate", \.pair.certificate, CertificateSection.path,
            "The certificate, and behind it those of its issuers.", usually: "this or `certificates`"),
        SectionKey(
            "key", \.pair.key, CertificateSection.path, "Its private key.", usually: "in the certificate's file"),
        SectionKey(
            "ocsp", \.pair.response, CertificateSection.responsePath, CertificateSection.responseWords, usually: "none"),
        SectionKey(
            "certificates", \.certificates, CertificateSection.kind,
            "Several: the first is shown to clients that ask for none of their names.",
            usually: "none"
        ).telling { .section(Settings(shown: $0.tls.certificates, tellsClients: !$0.tellsClients)) },
        SectionKey(
            "clients", \.clients, ClientCertificatesSection.kind, "What clients must show: certificates of their own."
        ).telling { $0.tellsClients ? ClientCertificatesSection.kind.told($0.clients) : nil },
        SectionKey(
            "strict", \.tls.isStrict, Kind.onOrOff,
            "Whether clients that ask for none of the names are shown no certificate."),
        SectionKey(
            "preset", \.preset, Kind.choice, "TLS 1.3 alone (`modern`), or 1.2 as well (`intermediate`).",
            usually: "intermediate"
        ).telling { _ in nil },
        SectionKey("minimum", \.tls.minimum, Kind.version, "The oldest version of TLS that is spoken."),
        SectionKey(
            "ciphers", \.tls.ciphers, Kind.ordered(TLSCipher.self, example: "[ECDHE-RSA-AES128-GCM-SHA256]"),
            "Cipher suites of TLS 1.2; those of 1.3 cannot be chosen.",
            usually: "ECDHE with AES-GCM and ChaCha20"
        ),
        SectionKey(
            "curves", \.tls.groups, Kind.ordered(TLSGroup.self, example: "[X25519, P-256]"), "Groups of key exchange."),
        SectionKey(
            "tickets", \.tickets, TicketsSection.kind, "Whether sessions are resumed, and by which keys."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        position = written.position
        ciphersPosition = written.right("ciphers")?.position
        hasWrongClients = written.isWrong("clients")
        tls.hasTickets = tickets != nil
        if let tickets { tls.ticketRotation = tickets.rotation }
        settleVersions(written, &findings)
        for name in ["key", "ocsp"] where written["certificate"] == nil {
            if let key = written[name] {
                findings.error("`\(name)` needs its `certificate` beside it", at: key.key.position)
            }
        }
        if written["certificate"] == nil, written["certificates"] == nil, written["key"] == nil {
            findings.error(
                "`tls` needs a certificate, such as `{ certificate: site.pem, key: site.key }`", at: written.position)
        }
    }
}

extension ListenerTLSSection {
    private mutating func settleVersions(_ written: WrittenKeys, _ findings: inout Findings) {
        if preset == .modern {
            if let minimum = written.right("minimum"), tls.minimum != .tls13 {
                findings.error(
                    "`minimum: \(tls.minimum.rawValue)` contradicts `preset: modern`, which is TLS 1.3 alone; leave one of them out",
                    at: minimum.position)
            }
            tls.minimum = .tls13
        }
        if tls.minimum == .tls13 {
            written.warnOfNoEffect(["ciphers"], "without TLS 1.2: those of TLS 1.3 cannot be chosen", &findings)
        }
        let doubtful = tls.ciphers.filter { !$0.isRecommended }
        if let field = written.right("ciphers"), !doubtful.isEmpty, tls.minimum != .tls13 {
            findings.warning(
                "`ciphers` has such as RFC 9325 advises against, CBC or without forward secrecy: "
                    + "\(doubtful.map(\.rawValue).joined(separator: ", ")); keep them for clients that have no other",
                at: field.position)
        }
    }
}

extension Settings {
    /// The certificates of a listener, each by the names that it is shown for: `(site.test *.site.test)`.
    fileprivate init(shown: [ListenerTLS.Shown], tellsClients: Bool) {
        self.init()
        var known: Set<String> = []
        for shown in shown {
            let certificate = shown.certificate
            let names = shown.names.isEmpty ? "no name" : shown.names.joined(separator: " ")
            // Several for the same names have keys of different kinds, or are never shown.
            let keys = [
                "(\(names))", "(\(names), \(certificate.keyKind))", "(\(names), \(certificate.file ?? "text"))",
            ]
            guard let key = keys.first(where: { known.insert($0).inserted }) else { continue }
            var settings = Settings()
            settings.add("", Self.words(certificate))
            if tellsClients, let clients = ClientCertificatesSection.kind.told(shown.clients.map { .init($0) }) {
                settings.append(Entry(key: "clients", value: clients, isUsual: shown.clients == nil))
            }
            append(Entry(key: key, value: .section(settings), isUsual: false))
        }
    }

    /// `site.pem, until 2027-01-31`
    static func words(_ certificate: Certificate) -> String {
        "\(certificate.file ?? "(text)"), until \(certificate.lastDay), \(certificate.shortFingerprint)"
            + (certificate.stapled?.words.map { ", \($0)" } ?? "")
    }
}

extension SectionKey {
    /// The key, told in another way than it is read.
    func telling(_ words: @escaping @Sendable (Owner) -> Settings.Value?) -> SectionKey<Owner> {
        var key = self
        key.told = words
        return key
    }
}
