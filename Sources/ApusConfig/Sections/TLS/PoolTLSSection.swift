import ApusAddresses
import ApusModel

/// A pool's `tls`: `on`, or what it is to be like.
struct PoolTLSSection {
    var tls = PoolTLS()
    /// The file of the authorities.
    var authorities: Located<String>?
    var verifies = true
    var pair = CertificateSection()

    private init() {}

    /// What `diff` and `explain` show of a pool that runs.
    init(_ tls: PoolTLS) {
        self.tls = tls
        verifies = tls.authorities != nil
        if let authorities = tls.authorities, !authorities.isSystems {
            self.authorities = Located(value: authorities.file, position: .start)
        }
        if let certificate = tls.certificate {
            pair.certificate = Located(value: Settings.words(certificate), position: .start)
        }
    }
}

extension PoolTLSSection: Keyed {
    static let usual = PoolTLSSection()

    static let keys: [SectionKey<PoolTLSSection>] = [
        SectionKey(
            "name", .text(), "The name that is asked for (SNI) and that the endpoints' certificates must have.",
            words: "a host name", usually: "the endpoint's own host name or address",
            told: { $0.tls.name.map { .word($0) } },
            read: { field, owner, findings in
                owner.tls.name = field.peerName(&findings)
                return owner.tls.name != nil
            }),
        SectionKey(
            "ca", \.authorities, CertificateSection.path, "Whose certificates are believed.",
            usually: "those of the system"),
        SectionKey("verify", \.verifies, Kind.onOrOff, "Whether the endpoints' certificates are verified."),
        SectionKey(
            "certificate", \.pair.certificate, CertificateSection.path,
            "What is shown to endpoints that ask for a certificate.", usually: "none"),
        SectionKey(
            "key", \.pair.key, CertificateSection.path, "Its private key.", usually: "in the certificate's file"),
        SectionKey(
            "alpn", \.tls.offersProtocols, Kind.words("off", "on"),
            "Whether HTTP/1.1 is offered by name (ALPN); some old servers refuse what they do not know."),
        SectionKey("minimum", \.tls.minimum, Kind.version, "The oldest version of TLS that is spoken."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        if let key = written["key"], written["certificate"] == nil {
            findings.error("`key` needs its `certificate` beside it", at: key.key.position)
        }
        if !verifies {
            written.warnOfNoEffect(["ca"], "with `verify: off`", &findings)
            findings.warning(
                "`verify: off` believes whoever answers at an endpoint's address: others on the way can read and change "
                    + "all; name the authority that signs the endpoints' certificates (`ca`) instead",
                at: written["verify"]?.key.position ?? written.position)
        }
    }
}

extension Field {
    /// What an endpoint's certificate must have: a host name or an address.
    fileprivate func peerName(_ findings: inout Findings) -> String? {
        let expected = "a host name such as `app.internal`"
        guard let name = text(expected: expected, &findings) else { return nil }
        let isGood = name.value.utf8.allSatisfy { byte in
            byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                || byte == UInt8(ascii: "_")
        }
        guard isGood && name.value.last != "." || IPAddress(name.value) != nil, name.value.utf8.count <= 253 else {
            let hint = name.value.contains(":") ? "a port stands with the endpoints" : nil
            reject(expected: expected, hint: hint, &findings)
            return nil
        }
        return name.value.lowercased()
    }
}
