import ApusModel
import ApusTLS

/// What authorities say of certificates (OCSP): whatever is wrong with that, the certificate is shown without it.
extension Validation {
    /// The authority's answer, as it was read; none where there is nothing to be read.
    struct ReadResponse {
        var described: StapledResponse
        var bytes: [UInt8]?
    }

    /// Nil, with an error, where it may not be read.
    mutating func stapled(_ written: Located<String>) -> ReadResponse? {
        // Who takes it for a secret's text would have it told as a path.
        if written.value.contains("-----BEGIN") || written.value.contains("\n") {
            findings.error(
                "`ocsp` names a file, with a response in DER, and cannot be the text itself", at: written.position)
            return nil
        }
        let full = fullPath(written.value, at: written.position)
        let use = ReachUse.secret(ReachUse.absolute(full), key: "ocsp")
        guard var rules = loader.rules(.certificates, for: use) else {
            if loader.limit?.isForComparing != true { findings.error("`ocsp`: \(use.refusal)", at: written.position) }
            return nil
        }
        findings.note(use, loader.grant(use))
        // What waits for a writer is a reason not to start.
        rules.takesStreams = false
        do throws(any Error) {
            let bytes = try loader.readBytes(full, rules)
            return ReadResponse(
                described: StapledResponse(file: full, until: nil, digest: TLSCertificate.digest(of: bytes)),
                bytes: bytes)
        } catch {
            findings.warning(
                "`ocsp`: the file \(Node.quoted(full, by: "`")) cannot be read: \(error); the certificate is shown without it",
                at: written.position)
            let described = StapledResponse(
                file: full, until: nil, digest: [], fault: "the file cannot be read: \(error)")
            return ReadResponse(described: described, bytes: nil)
        }
    }

    /// Why the answer is not shown, or soon will not be.
    mutating func warn(of certificate: Certificate, _ fault: OCSPFault?, at position: SourcePosition) {
        guard let stapled = certificate.stapled else { return }
        let name = "the OCSP response \(Node.quoted(stapled.file, by: "`"))"
        if let fault {
            findings.warning(
                "\(name) is not shown with the certificate \(certificate.words): \(fault.words)", at: position)
        } else if let until = stapled.until, until < loader.now() {
            findings.warning(
                "\(name) held until \(Certificate.day(until)) and is not shown any more: have a newer one fetched, as "
                    + "`openssl ocsp -respout` does", at: position)
        }
    }
}

extension OCSPFault {
    /// What is wrong with it, and what to do.
    var words: String {
        switch self {
        case .unreadable:
            "it is no response in DER, such as `openssl ocsp -respout` writes, or is cut off"
        case .tooLarge: "it has more than 32 KiB; is it a response?"
        case .refused(let status):
            "the authority did not answer (\(OCSPFault.refusals[Int(status)] ?? "status \(status)")); ask it again"
        case .ofAnother: "it is about another certificate; have one fetched since the certificate was renewed"
        case .revoked:
            "the authority says that the certificate is revoked, and clients that ask refuse it; have another issued"
        case .unknown: "the authority does not know the certificate; is it that of its issuer?"
        }
    }

    /// RFC 6960 section 4.2.1.
    private static let refusals: [Int: String] = [
        1: "malformed request", 2: "internal error", 3: "try later", 5: "it wants a signed request", 6: "unauthorized",
    ]
}
