import ApusConfig
import ApusModel

/// What was read from files of certificates, and was not in a snapshot before, for the log.
struct CertificateNews {
    private(set) var words = ""

    /// So many files are named.
    private static let limit = 8

    init(from old: Snapshot, to new: Snapshot) {
        let before = Dictionary(old.filesOfTLS.map { ($0.name, $0.digest) }, uniquingKeysWith: { first, _ in first })
        var told: Set<String> = []
        let news = new.filesOfTLS.filter { before[$0.name] != $0.digest && told.insert($0.name).inserted }
        guard !news.isEmpty else { return }
        let more = news.count > Self.limit ? ["\(news.count - Self.limit) more"] : []
        words = (news.prefix(Self.limit).map(\.words) + more).joined(separator: "; ")
    }

    /// A file, and what was read from it.
    fileprivate struct File {
        /// With what it is.
        var name: String
        var digest: [UInt8]
        /// Until when it holds, behind the name.
        var end: String

        var words: String { end.isEmpty ? name : "\(name), \(end)" }
    }
}

extension Snapshot {
    fileprivate var filesOfTLS: [CertificateNews.File] {
        var files: [CertificateNews.File] = []
        for (_, certificate) in shownCertificates {
            guard let file = certificate.file else { continue }
            let key = certificate.keyFile.flatMap { $0 == file ? nil : " with \($0)" } ?? ""
            files.append(
                .init(
                    name: "\(file)\(key)", digest: certificate.digest, end: "until \(certificate.notAfter.isoTime)"))
            guard let stapled = certificate.stapled else { continue }
            let end = stapled.until.map { $0 == .max ? "" : "until \($0.isoTime)" } ?? "which is not shown"
            files.append(.init(name: "the OCSP response \(stapled.file)", digest: stapled.digest, end: end))
        }
        let servers = listeners.compactMap(\.tls) + operations.admin.compactMap(\.tls)
        for rules in servers.flatMap(\.policies).compactMap(\.self) {
            files.append(.init(rules.authorities))
            guard let lists = rules.revoked else { continue }
            let end = lists.nextUpdate.map { "until \($0.isoTime)" } ?? ""
            files.append(.init(name: "the list of revoked certificates \(lists.file)", digest: lists.digest, end: end))
        }
        return files + pools.compactMap { $0.tls?.authorities.map { .init($0) } }
    }
}

extension CertificateNews.File {
    fileprivate init(_ authorities: Authorities) {
        self.init(name: "the authorities \(authorities.file)", digest: authorities.digest, end: "")
    }
}

extension KeptPair {
    /// What becomes of it, and what to do.
    var words: String {
        let files = keyFile.map { "\(file) and \($0) have" } ?? "\(file) has"
        return "\(files) changed, to a certificate that ended \(ended.isoTime): the one before, which holds until "
            + "\(until.isoTime), is shown on; put a renewed one there, or `apus reload` to have this one shown nevertheless"
    }
}
