import ApusModel

/// The certificates of a listener, by the names that clients ask for.
struct CertificateTable: Sendable {
    private let names: CertificateNames
    private let certificates: [TLSCertificate?]

    init(_ tls: ListenerTLS) {
        names = CertificateNames(tls)
        certificates = tls.certificates.map { $0.certificate.held as? TLSCertificate }
    }

    /// - Parameter name: what the client asks for; nil for nothing.
    /// - Returns: none where the client is to be shown nothing.
    func certificates(for name: String?) -> [TLSCertificate] {
        names.find(name).certificates.compactMap { certificates[$0] }
    }
}
