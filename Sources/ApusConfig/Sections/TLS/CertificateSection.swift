import ApusModel

/// A certificate as it was written: where it is, where its key is, and for whom it is shown.
struct CertificateSection {
    /// Its file, or its text.
    var certificate: Located<String>?
    /// The file of its key, or its text; nil where it stands in the same file.
    var key: Located<String>?
    /// The file with the authority's answer about it.
    var response: Located<String>?
    /// Server names that it is shown for; nil for those that stand in it.
    var names: [Located<String>]?
    /// What clients that ask for these names must show, instead of what the listener says; `off` for nothing.
    var clients: ClientCertificatesSection??
    /// A folder of pairs, which has nothing else.
    var folder: Located<String>?

    static let kind = Kind<[CertificateSection]>(
        .list(of: .either([.text(), shape])), words: "a list of pairs, or folders of pairs", told: { _ in nil },
        read: { field, findings in
            let example = "[{ certificate: a.pem, key: a.key }]"
            guard let items = field.list(of: "certificates", example: example, &findings) else { return nil }
            if items.isEmpty {
                findings.error(
                    "`certificates` is empty; expected at least one, such as `\(example)`", at: field.position)
            }
            return items.map { CertificateSection(field.item($0), &findings) }
        })

    static let path = Kind<Located<String>?>(
        .text(), words: "a path, or the text itself (PEM)", told: { $0.map { .word(Self.told($0.value)) } },
        read: { field, findings in
            field.text(expected: "the path of a file in PEM, such as `site.pem`", &findings).map { .some($0) }
        })

    static let responsePath = Kind<Located<String>?>(
        .text(), words: "a path", told: { $0.map { .word($0.value) } },
        read: { field, findings in
            field.text(expected: "the path of a response in DER, such as `site.ocsp`", &findings).map { .some($0) }
        })
    static let responseWords =
        "The file with the authority's word that it is not revoked (OCSP, in DER), shown to clients that ask."

    /// What is shown of a path; of a text that it is one.
    static func told(_ written: String) -> String { isText(written) ? "(text)" : written }

    static func isText(_ written: String) -> Bool { written.contains("-----BEGIN ") }

    init() {}

    private init(_ field: Field, _ findings: inout Findings) {
        if case .mapping = field.node.content {
            self.init(field, "a certificate", example: "{ certificate: a.pem, key: a.key }", &findings)
        } else {
            self.init()
            folder = field.text(
                expected:
                    "a folder of certificates and keys, or a mapping such as `{ certificate: a.pem, key: a.key }`",
                &findings)
        }
    }
}

extension CertificateSection: Keyed {
    static let usual = CertificateSection()

    static let keys: [SectionKey<CertificateSection>] = [
        SectionKey(
            "certificate", \.certificate, path, "The certificate, and behind it those of its issuers.", needed: "a.pem"),
        SectionKey("key", \.key, path, "Its private key.", usually: "in the certificate's file"),
        SectionKey("ocsp", \.response, responsePath, responseWords, usually: "none"),
        SectionKey(
            "names", .list(of: .text()),
            "The server names that it is shown for, such as `www.example.com` or `*.example.com`.",
            usually: "those that stand in it",
            read: { field, owner, findings in
                let names = field.serverNames(&findings)
                owner.names = names
                return names != nil
            }),
        SectionKey(
            "clients", ClientCertificatesSection.kind.shape,
            "What clients that ask for these names must show.", usually: "what the listener's `clients` says",
            read: { field, owner, findings in
                guard let read = ClientCertificatesSection.kind.read(field, &findings) else { return false }
                owner.clients = .some(read)
                return true
            }),
    ]
}

extension Field {
    /// A list of server names, wildcards among them; one alone may stand for a list of it.
    func serverNames(_ findings: inout Findings) -> [Located<String>]? {
        var fields = [self]
        if case .sequence(let items) = node.content { fields = items.map(item) }
        var names: [Located<String>] = []
        for field in fields {
            guard let name = field.serverName(&findings) else { return nil }
            names.append(name)
        }
        return names
    }

    /// A server name, with or without a wildcard as its first label.
    private func serverName(_ findings: inout Findings) -> Located<String>? {
        let expected = "a server name such as `www.example.com` or `*.example.com`"
        guard let name = text(expected: expected, &findings) else { return nil }
        let plain = name.value.hasPrefix("*.") ? name.value.dropFirst(2) : name.value[...]
        let labels = plain.split(separator: ".", omittingEmptySubsequences: false)
        let isGood =
            name.value.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count)
                    && label.utf8.allSatisfy {
                        $0.isASCIILetter || $0.isASCIIDigit || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
                    }
            }
        guard isGood else {
            let hint = plain.contains("*") ? "a `*` stands for the whole first label, and nothing else" : nil
            reject(expected: expected, hint: hint, &findings)
            return nil
        }
        return Located(value: name.value.lowercased(), position: name.position)
    }
}
