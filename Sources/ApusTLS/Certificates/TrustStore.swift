public import ApusModel
internal import CNIOBoringSSL

/// The certificates of authorities that are believed. Read once, and shared.
@safe
public final class TrustStore: Authorities.Holder, @unchecked Sendable {
    let pointer: OpaquePointer
    /// Authorities.
    public let count: Int
    private let digest: [UInt8]
    /// Their names, as TLS tells them to clients that are asked for a certificate.
    let names: OpaquePointer?

    /// - Parameter authorities: their certificates, in PEM. What is no certificate among them is an error.
    public init(authorities: [UInt8]) throws(TLSCertificateError) {
        let certificates = try PEM.certificates(in: authorities)
        guard let store = unsafe X509_STORE_new() else { throw .noMemory }
        unsafe pointer = store
        unsafe names = sk_X509_NAME_new_null()
        count = certificates.count
        digest = sha256(certificates.flatMap(sha256))
        for der in certificates { try unsafe Self.add(der, to: store, names) }
    }

    deinit {
        unsafe X509_STORE_free(pointer)
        unsafe sk_X509_NAME_pop_free(names) { unsafe X509_NAME_free($0) }
    }

    /// What a configuration says of it.
    public func described(file: String, isSystems: Bool) -> Authorities {
        Authorities(file: file, isSystems: isSystems, count: count, digest: digest, held: self)
    }

    private static func add(
        _ der: [UInt8], to store: OpaquePointer, _ names: OpaquePointer?
    ) throws(TLSCertificateError) {
        let found = unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return unsafe d2i_X509(nil, &next, bytes.count)
        }
        guard let certificate = unsafe found else { throw .badCertificate(BoringError.take()) }
        defer { unsafe X509_free(certificate) }
        guard unsafe X509_STORE_add_cert(store, certificate) == 1 else { throw .unusable(BoringError.take()) }
        unsafe sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(certificate)))
    }
}
