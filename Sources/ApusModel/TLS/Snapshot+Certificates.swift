/// What TLS was read from.
public struct CertificateSources: Sendable, Equatable {
    public var files: Set<String> = []
    public var folders: Set<String> = []

    public var isEmpty: Bool { files.isEmpty && folders.isEmpty }
}

extension Snapshot {
    /// The files with certificates, keys, authorities and lists of revoked certificates, and the folders that such are looked for in.
    public var certificateSources: CertificateSources {
        var sources = CertificateSources()
        for tls in listeners.lazy.compactMap(\.tls) { sources.add(tls) }
        for tls in operations.admin.lazy.compactMap(\.tls) { sources.add(tls) }
        for tls in pools.lazy.compactMap(\.tls) {
            if let certificate = tls.certificate { sources.add(certificate) }
            if let authorities = tls.authorities { sources.add(authorities) }
        }
        sources.files.remove(Certificate.textPlace)
        return sources
    }
}

extension CertificateSources {
    fileprivate mutating func add(_ tls: ListenerTLS) {
        folders.formUnion(tls.folders)
        if let keys = tls.ticketKeys { files.insert(keys.file) }
        for shown in tls.certificates {
            add(shown.certificate)
            guard let clients = shown.clients else { continue }
            add(clients.authorities)
            if let revoked = clients.revoked { files.insert(revoked.file) }
        }
    }

    fileprivate mutating func add(_ certificate: Certificate) {
        for file in [certificate.file, certificate.keyFile, certificate.stapled?.file] {
            if let file { files.insert(file) }
        }
    }

    fileprivate mutating func add(_ authorities: Authorities) { files.insert(authorities.file) }
}
