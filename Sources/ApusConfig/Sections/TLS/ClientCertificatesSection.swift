import ApusModel

/// What clients must show: `clients` of a listener's `tls`, or of one of its certificates.
struct ClientCertificatesSection {
    /// The files of the authorities, and of their lists of revoked certificates.
    var authorities: Located<String>?
    var revoked: Located<String>?
    var mode = ClientCertificateRules.Mode.required
    var names: [ClientNamePattern] = []
    var telling: [ClientCertificateRules.Telling] = [.clientCert]
    var position = SourcePosition.start

    private init() {}

    /// What `diff` and `explain` show of rules in force.
    init(_ rules: ClientCertificateRules) {
        authorities = Located(value: rules.authorities.told, position: .start)
        revoked = rules.revoked.map { Located(value: $0.told, position: .start) }
        mode = rules.mode
        names = rules.names
        telling = rules.telling
    }

    static let kind = Kind<ClientCertificatesSection>.switched(nil, example: "{ ca: clients.pem }")
}

extension ClientCertificatesSection: Keyed {
    static let usual = ClientCertificatesSection()

    static let keys: [SectionKey<ClientCertificatesSection>] = [
        SectionKey(
            "ca", \.authorities, CertificateSection.path, "Whose certificates are believed.",
            usually: "required, but with `mode: off`"),
        SectionKey(
            "mode", \.mode, Kind.choice,
            "Whether a client without a certificate is turned away (`required`), or served (`optional`); one with a bad one is "
                + "turned away by both."),
        SectionKey(
            "crl", \.revoked, CertificateSection.path,
            "Lists of revoked certificates, one of each authority, in PEM. A list that is out of date lets nobody in.",
            usually: "none"),
        SectionKey(
            "names", namesShape, "The names of which a certificate must have one.",
            words:
                "`spiffe://example.org/ns/prod/*`, `*.clients.example.org`, `alice@example.org` or `CN=alice`, or a list of them",
            usually: "any name",
            told: { Settings.Value(list: $0.names.map(\.text)) },
            read: { field, owner, findings in
                guard let names = field.clientNames(&findings) else { return false }
                owner.names = names
                return true
            }),
        SectionKey(
            "forward", Shape.list(of: .words(ClientCertificateRules.Telling.allCases.map(\.rawValue))),
            "The fields by which origins are told: `Client-Cert` (RFC 9440), `Client-Cert-Chain`, `X-Forwarded-Client-Cert`.",
            words: "a list of `client_cert`, `client_cert_chain` and `xfcc`", usually: "[client_cert]",
            told: { .word("[" + $0.telling.map(\.rawValue).joined(separator: ", ") + "]") },
            read: { field, owner, findings in
                guard let items = field.list(of: "fields", example: "[client_cert]", &findings) else { return false }
                let read = items.map { field.item($0).choice(of: ClientCertificateRules.Telling.self, &findings) }
                owner.telling = read.compactMap(\.self)
                return !read.contains { $0 == nil }
            }),
    ]

    static let namesShape = Shape.text().oneOrMore

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        position = written.position
        if mode != .off, authorities == nil, written["ca"] == nil {
            findings.error(
                "`clients` needs `ca`: whose certificates are believed, such as `{ ca: clients.pem }`",
                at: written.position)
        }
    }
}

extension Field {
    /// Names of client certificates, or patterns of them; one alone may stand for a list of it.
    func clientNames(_ findings: inout Findings) -> [ClientNamePattern]? {
        var fields = [self]
        if case .sequence(let items) = node.content { fields = items.map(item) }
        var names: [ClientNamePattern] = []
        for field in fields {
            let expected = "a name such as `spiffe://example.org/ns/prod/*`, `*.clients.example.org` or `CN=alice`"
            guard let text = field.text(expected: expected, &findings) else { return nil }
            guard let name = ClientNamePattern(text.value) else {
                field.reject(
                    expected: expected,
                    hint: "a `*` stands for the whole first label of a DNS name, or for the rest of a URI behind a `/`",
                    &findings)
                return nil
            }
            names.append(name)
        }
        return names
    }
}

extension ClientRequirement {
    /// In the words of the configuration.
    var words: [String] { names.isEmpty ? ["required"] : names.map(\.text) }
}

extension Settings.Value {
    /// `[a, b]`, or `a` alone; nil for none.
    init?(list words: [String]) {
        guard let first = words.first else { return nil }
        self = .word(words.count == 1 ? first : "[" + words.joined(separator: ", ") + "]")
    }
}

extension Authorities {
    /// `ca.pem, 2 of them, 1f00a3bc`: another file of the same name is told apart.
    var told: String { "\(file), \(counted(count, "certificate")), \(hex(digest.prefix(4)))" }
}

extension RevocationLists {
    var told: String {
        let end = nextUpdate.map { ", until \(Certificate.day($0))" } ?? ""
        return "\(file)\(end), \(hex(digest.prefix(4)))"
    }
}
