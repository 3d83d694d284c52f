import ApusModel

/// A listener's `tls`.
struct ListenerTLSSection {
    /// What is said of it but its certificates, which are read when all else is known.
    var tls = ListenerTLS()
    /// The pair that stands in the section itself, and those of `certificates`.
    var pair = CertificateSection()
    var certificates: [CertificateSection] = []
    var position = SourcePosition.start

    /// What `diff` and `explain` show of a listener that runs.
    init(_ tls: ListenerTLS) { self.tls = tls }

    private init() {}

    var all: [CertificateSection] { (pair.certificate == nil ? [] : [pair]) + certificates }
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
            "certificates", \.certificates, CertificateSection.kind,
            "Several: the first is shown to clients that ask for none of their names.",
            usually: "none"
        ).telling { .section(Settings(shown: $0.tls.certificates)) },
        SectionKey(
            "strict", \.tls.isStrict, Kind.onOrOff,
            "Whether clients that ask for none of the names are shown no certificate."),
        SectionKey("minimum", \.tls.minimum, Kind.choice, "The oldest version of TLS that is spoken."),
        SectionKey("tickets", \.tls.hasTickets, Kind.onOrOff, "Whether sessions are resumed."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        position = written.position
        if let key = written["key"], written["certificate"] == nil {
            findings.error("`key` needs its `certificate` beside it", at: key.key.position)
        }
        if written["certificate"] == nil, written["certificates"] == nil, written["key"] == nil {
            findings.error(
                "`tls` needs a certificate, such as `{ certificate: site.pem, key: site.key }`", at: written.position)
        }
    }
}

extension Settings {
    /// The certificates of a listener: each by the names that it is shown for.
    fileprivate init(shown: [ListenerTLS.Shown]) {
        self.init()
        for shown in shown { add(shown.names.joined(separator: " "), Self.words(shown.certificate)) }
    }

    /// `site.pem, until 2027-01-31`
    static func words(_ certificate: Certificate) -> String {
        "\(certificate.file ?? "(text)"), until \(certificate.lastDay), \(certificate.shortFingerprint)"
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
