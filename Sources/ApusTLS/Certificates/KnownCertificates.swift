import Synchronization

extension TLSCertificate {
    /// The same as `init`, and the one that is in use already where the texts are the same: a reload parses what has changed.
    public static func known(
        chain: [UInt8], key: [UInt8], response: [UInt8]? = nil
    ) throws(TLSCertificateError) -> TLSCertificate {
        let digest = sha256(sha256(chain) + sha256(key) + (response.map(sha256) ?? []))
        if let known = KnownCertificates.shared.find(digest) { return known }
        let read = try TLSCertificate(chain: chain, key: key, response: response)
        KnownCertificates.shared.keep(read, as: digest)
        return read
    }
}

/// Certificates that are in use, by digests of the texts that they were read from.
private final class KnownCertificates: Sendable {
    static let shared = KnownCertificates()

    private struct Entry: Sendable {
        weak var certificate: TLSCertificate?
    }

    private struct Entries: Sendable {
        var known: [[UInt8]: Entry] = [:]
        /// When those are looked for that nobody uses any more.
        var limit = 64
    }

    private let entries = Mutex(Entries())

    func find(_ digest: [UInt8]) -> TLSCertificate? { entries.withLock { $0.known[digest]?.certificate } }

    func keep(_ certificate: TLSCertificate, as digest: [UInt8]) {
        entries.withLock { entries in
            entries.known[digest] = Entry(certificate: certificate)
            guard entries.known.count > entries.limit else { return }
            entries.known = entries.known.filter { $0.value.certificate != nil }
            entries.limit = max(64, entries.known.count * 2)
        }
    }
}
