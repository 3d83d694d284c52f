import ApusModel
import ApusTLS
import FoundationEssentials

/// Reading certificates and keys: pairs are loaded whole or not at all, with both files named.
extension Validation {
    /// A certificate and its key; nil, with an error, when they are not to be had, or do not belong together.
    ///
    /// - Parameter isListed: they were found in a folder, where a pipe is nobody's intention.
    mutating func certificate(
        _ section: CertificateSection, isShown: Bool = true, isListed: Bool = false
    ) -> Certificate? {
        guard let written = section.certificate else { return nil }
        guard var chain = pem(written, key: "certificate", isListed: isListed) else { return nil }
        // A key may stand in it as well.
        defer { chain.wipe() }
        var ownKey: PEMText?
        defer { ownKey?.wipe() }
        if let keyWritten = section.key {
            ownKey = pem(keyWritten, key: "key", isListed: isListed)
            if ownKey == nil { return nil }
        }
        let (keyWords, keyFile) = (ownKey?.words ?? chain.words, ownKey.map(\.file) ?? chain.file)
        let response = section.response.flatMap { stapled($0) }
        let position = written.position
        do {
            let read = try TLSCertificate.known(
                chain: chain.bytes, key: ownKey?.bytes ?? chain.bytes, response: response?.bytes)
            var certificate = read.described(file: chain.file, keyFile: keyFile)
            certificate.stapled = response?.described
            certificate.stapled?.until = read.stapledUntil
            certificate.stapled?.since = read.stapledSince
            if let fault = read.stapleFault { certificate.stapled?.fault = fault.words }
            if let before = pairThatHolds(instead: certificate) { return before }
            warn(of: certificate, read, at: position, isShown: isShown)
            if let response = section.response { warn(of: certificate, read.stapleFault, at: response.position) }
            return certificate
        } catch {
            findings.error(
                error.words(certificate: chain.words, key: keyWords),
                at: error.isOfKey ? section.key?.position ?? position : position)
            return nil
        }
    }

    /// All pairs of a folder: `NAME.crt` (or `.pem`, `.cer`) with `NAME.key`, or one file with both; and `NAME.ocsp`, where it is.
    mutating func certificates(inFolder folder: Located<String>) -> [Certificate] {
        let full = fullPath(folder.value, at: folder.position)
        let names: [String]
        do throws(any Error) {
            let use = ReachUse.secret(ReachUse.absolute(full), key: "certificates")
            guard loader.rules(.secret, for: use) != nil else {
                if loader.limit?.isForComparing != true {
                    findings.error("`certificates`: \(use.refusal)", at: folder.position)
                }
                return []
            }
            findings.note(use, loader.grant(use))
            names = try loader.listSecrets(full).sorted()
        } catch {
            findings.error(
                "`certificates`: the folder \(Node.quoted(full, by: "`")) cannot be read: \(error)", at: folder.position
            )
            return []
        }
        let all = Set(names)
        var found: [Certificate] = []
        for name in names where !name.hasPrefix(".") {
            guard let stem = Self.stem(ofCertificate: name) else { continue }
            let key = all.contains("\(stem).key") ? "\(stem).key" : name
            let place = { (name: String) in Located(value: "\(folder.value)/\(name)", position: folder.position) }
            var section = CertificateSection()
            section.certificate = place(name)
            section.key = key == name ? nil : place(key)
            if all.contains("\(stem).ocsp") { section.response = place("\(stem).ocsp") }
            if let certificate = certificate(section, isListed: true) { found.append(certificate) }
        }
        if found.isEmpty, !findings.hasErrors {
            findings.error(
                "the folder \(Node.quoted(full, by: "`")) has no certificate: expected pairs such as `site.crt` and "
                    + "`site.key`, or files `site.pem` with both", at: folder.position)
        }
        return found
    }

    private static func stem(ofCertificate name: String) -> String? {
        for ending in [".crt", ".pem", ".cer"] where name.hasSuffix(ending) {
            return String(name.dropLast(ending.count))
        }
        return nil
    }

    /// What is not wrong, and will be found out by clients.
    private mutating func warn(
        of certificate: Certificate, _ read: TLSCertificate, at position: SourcePosition, isShown: Bool
    ) {
        let now = loader.now()
        let name = "the certificate \(certificate.words)"
        let whom = isShown ? "clients" : "endpoints"
        if certificate.notAfter < now {
            findings.warning(
                "\(name) expired on \(certificate.lastDay); \(whom) refuse it: renew it and put the new one in its place",
                at: position)
        } else if certificate.notBefore > now {
            findings.warning(
                "\(name) does not hold before \(Certificate.day(certificate.notBefore)); until then \(whom) refuse it: "
                    + "keep the one before, and look at this machine's clock", at: position)
        } else if now >= certificate.warningTime {
            findings.warning(
                "\(name) ends on \(certificate.lastDay), and \(whom) refuse it from then on: renew it", at: position,
                isAdvice: true)
        }
        if read.keyKind == .rsa, read.keyBits < Self.fewestRSABits {
            findings.warning(
                "\(name) has an RSA key of \(read.keyBits) bits: many \(whom) refuse less than \(Self.fewestRSABits); have a new "
                    + "one made, best with an ECDSA key", at: position)
        }
        if isShown ? !read.isForServers : !read.isForClients {
            findings.warning(
                "\(name) is not for \(isShown ? "servers" : "clients") (its extended key usage does not say "
                    + "\(isShown ? "serverAuth" : "clientAuth")): \(whom) refuse it; is it the right file?",
                at: position)
        }
        if read.chainCount == 0, !read.isSelfSigned {
            lone.append(LoneCertificate(certificate: certificate, isShown: isShown, position: position))
        }
        if isShown, certificate.names.isEmpty {
            findings.warning(
                "\(name) is for no name: its subject alternative name is missing, and clients look at nothing else; have "
                    + "one made with it", at: position)
        }
    }

    /// Bits that an RSA key has at least for browsers and libraries of today (CA/Browser Forum's Baseline Requirements 6.1.5).
    private static let fewestRSABits = 2_048

    /// Those whose issuer is no root, as far as is known when all has been read.
    mutating func warnOfLoneCertificates() {
        let stores = believed.compactMap { $0.held as? TrustStore }
        for lone in lone where !stores.contains(where: { $0.hasAuthority(lone.certificate.issuer) }) {
            let who =
                lone.isShown
                ? "many clients cannot verify it, unless its issuer is the root that they have"
                : "endpoints that ask for it cannot verify it, unless they have its issuer's"
            findings.warning(
                "the certificate \(lone.certificate.words) stands alone, without that of its issuer "
                    + "(\(lone.certificate.issuer)): \(who); append the issuer's certificates to the file (often called "
                    + "`fullchain.pem`)", at: lone.position, isAdvice: true)
        }
    }

    // MARK: - Authorities

    /// Whose certificates are believed; nil, with an error, when they are not to be had.
    mutating func authorities(_ written: Located<String>) -> Authorities? {
        authorities(written, revoked: nil).authorities
    }

    /// The same with the lists of certificates that they have revoked.
    mutating func authorities(
        _ written: Located<String>, revoked: Located<String>?
    ) -> (authorities: Authorities?, revoked: RevocationLists?) {
        guard let text = pem(written, key: "ca") else { return (nil, nil) }
        var lists: PEMText?
        if let revoked {
            lists = pem(revoked, key: "crl")
            if lists == nil { return (nil, nil) }
        }
        do {
            let store = try TrustStore(authorities: text.bytes, revoked: lists?.bytes)
            let authorities = store.described(file: text.file ?? Certificate.textPlace, isSystems: false)
            believed.append(authorities)
            if let impostor = store.impostors.first {
                findings.warning(
                    "`ca`: \(Node.quoted(impostor, by: "`")) in \(text.words) is no authority, and nobody is believed for it; name the "
                        + "certificate of the authority that has signed it", at: written.position)
            }
            return (authorities, store.revoked(file: lists?.file ?? Certificate.textPlace))
        } catch {
            let isOfList = error.isOfRevocationList
            findings.error(
                error.words(certificate: isOfList ? lists?.words ?? "" : text.words, key: text.words),
                at: isOfList ? revoked?.position ?? written.position : written.position)
            return (nil, nil)
        }
    }

    /// Those that the system trusts; nil, with an error, where there are none.
    mutating func systemAuthorities(at position: SourcePosition) -> Authorities? {
        if let known = loader.systemAuthorities() {
            believed.append(known)
            return known
        }
        findings.error(
            "no list of trusted authorities was found on this machine; "
                + "install the package `ca-certificates`, or name the authority of the endpoints: `ca: ca.pem`",
            at: position)
        return nil
    }

    // MARK: - Ticket keys

    /// Keys that several instances share; nil, with an error, when they are not to be had.
    mutating func ticketKeys(_ written: Located<String>) -> SharedTicketKeys? {
        guard let text = pem(written, key: "keys") else { return nil }
        do throws(BadTicketKey) {
            return try TicketKeys(lines: text.bytes).described(file: text.file ?? Certificate.textPlace)
        } catch {
            let what = error.line == 0 ? "has no key" : "has no key in line \(error.line)"
            findings.error(
                "the file of ticket keys \(text.words) \(what): expected 48 bytes in base64 on each line, such as "
                    + "`openssl rand -base64 48` makes", at: written.position)
            return nil
        }
    }

    // MARK: - Files

    struct PEMText {
        var bytes: [UInt8]
        /// Nil for text that stands in the configuration.
        var file: String?
        /// What a key was read into must not be left in memory.
        mutating func wipe() { TLSCertificate.wipe(&bytes) }

        var words: String { file.map { Node.quoted($0, by: "`") } ?? "in the configuration's text" }
    }

    /// What was written, or the file that it names.
    private mutating func pem(_ written: Located<String>, key: String, isListed: Bool = false) -> PEMText? {
        if CertificateSection.isText(written.value) { return PEMText(bytes: Array(written.value.utf8), file: nil) }
        // It may be a key without its first line, which no message is to quote.
        guard written.value.utf8.count <= 1_024, !written.value.contains(where: \.isNewline),
            !SecretMask.mayBeKey(written.value)
        else {
            findings.error(
                "`\(key)`: expected the path of a file\(key == "keys" ? "" : " in PEM, or its text, which begins with `-----BEGIN `"); found "
                    + "\(written.value.count) characters that are neither", at: written.position)
            return nil
        }
        let full = fullPath(written.value, at: written.position)
        let use = ReachUse.secret(ReachUse.absolute(full), key: key)
        guard var rules = loader.rules(.certificates, for: use) else {
            if loader.limit?.isForComparing != true { findings.error("`\(key)`: \(use.refusal)", at: written.position) }
            return nil
        }
        findings.note(use, loader.grant(use))
        if isListed { rules.takesStreams = false }
        do throws(any Error) {
            return PEMText(bytes: try loader.readBytes(full, rules), file: full)
        } catch {
            findings.error(
                "`\(key)`: the file \(Node.quoted(full, by: "`")) cannot be read: \(error)", at: written.position)
            return nil
        }
    }

    func fullPath(_ path: String, at position: SourcePosition) -> String {
        let folder = ConfigurationLoader.folderAndName(of: findings.source(of: position).file).folder
        return ConfigurationDocument.joined(folder, path)
    }
}

/// A certificate without those of its issuers.
struct LoneCertificate {
    var certificate: Certificate
    /// Clients see it, and not endpoints.
    var isShown: Bool
    var position: SourcePosition
}

extension Certificate {
    /// `site.pem (www.example.com, example.com)`
    var words: String {
        let names =
            names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(self.names.count - 3) more" : "")
        let place = file.map { Node.quoted($0, by: "`") } ?? "in the configuration's text"
        return names.isEmpty ? place : "\(place) (\(names))"
    }
}

extension TLSCertificateError {
    /// Whether it is the key that is wrong.
    fileprivate var isOfKey: Bool {
        switch self {
        case .noKey, .keyIsEncrypted, .badKey, .keyOfUnknownKind, .keyDoesNotFit: true
        case .noMemory, .noCertificate, .badCertificate, .chainTooLong, .unusable, .noRevocationList,
            .badRevocationList:
            false
        }
    }

    /// Whether it is a list of revoked certificates that is wrong.
    fileprivate var isOfRevocationList: Bool {
        switch self {
        case .noRevocationList, .badRevocationList: true
        default: false
        }
    }

    /// What is wrong, with which file, and what to do.
    fileprivate func words(certificate: String, key: String) -> String {
        // What stands in the configuration's text is called so already.
        func inside(_ words: String) -> String { words.hasPrefix("in ") ? words : "in \(words)" }
        let (inCertificate, inKey) = (inside(certificate), inside(key))
        return switch self {
        case .noMemory: "there is no memory for the certificate \(certificate)"
        case .noCertificate:
            "there is no certificate \(inCertificate): expected PEM, which begins with `-----BEGIN CERTIFICATE-----`"
        case .badCertificate(let reason):
            "the certificate \(certificate) cannot be read (\(reason)); is it cut off, or edited?"
        case .noKey:
            "there is no private key \(inKey): expected PEM, which begins with `-----BEGIN PRIVATE KEY-----`; name its file "
                + "by `key`"
        case .keyIsEncrypted:
            "the private key \(inKey) is encrypted, and nobody is there to type its password; write it without one: "
                + "`openssl pkey -in KEY -out NEW`, readable by Apus's user alone"
        case .badKey(let reason): "the private key \(inKey) cannot be read (\(reason)); is it cut off, or edited?"
        case .keyOfUnknownKind:
            "the private key \(inKey) is of a kind that TLS does not use here; expected ECDSA, RSA or Ed25519"
        case .keyDoesNotFit:
            "the key \(inKey) is not that of the certificate \(certificate): they do not belong together; was one of them "
                + "renewed without the other?"
        case .noRevocationList:
            "there is no list of revoked certificates \(inCertificate): expected PEM, which begins with "
                + "`-----BEGIN X509 CRL-----`; a list in DER becomes one by `openssl crl -inform DER -in LIST -out NEW`"
        case .badRevocationList(let reason):
            "the list of revoked certificates \(certificate) cannot be read (\(reason)); is it cut off, or edited?"
        case .chainTooLong(let count):
            "the certificate \(certificate) has \(count) bytes with its chain, and clients take no more than "
                + "\(TLSCertificate.mostChainBytes): leave out what is no issuer of it"
        case .unusable(let reason): "the certificate \(certificate) cannot be used (\(reason))"
        }
    }
}
