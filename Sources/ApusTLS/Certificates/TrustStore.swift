public import ApusModel
internal import CNIOBoringSSL

/// The certificates of authorities that are believed. Read once, and shared.
@safe
public final class TrustStore: Authorities.Holder, @unchecked Sendable {
    let pointer: OpaquePointer
    /// Authorities.
    public let count: Int
    /// Of those among them that are none, and believe nobody: their subjects, as one line (RFC 2253).
    public private(set) var impostors: [String] = []
    private let digest: [UInt8]
    /// The lists of certificates that they have revoked; nil where none are looked at.
    private let lists: RevocationLists?
    /// Their names, as TLS tells them to clients that are asked for a certificate; none where they are more than fit in.
    let names: OpaquePointer?
    /// Bytes of names at most: the message that has them takes 64 KiB (RFC 5246 section 7.4.4), and clients less.
    private static let mostNameBytes = 16 << 10

    /// - Parameters:
    ///   - authorities: their certificates, in PEM. What is no certificate among them is an error.
    ///   - revoked: their lists of revoked certificates, in PEM; nil where none are looked at. With them, each certificate of
    ///     a chain must be one that a current list of its issuer does not have.
    public init(authorities: [UInt8], revoked: [UInt8]? = nil) throws(TLSCertificateError) {
        let certificates = try PEM.certificates(in: authorities)
        let revokedLists = try revoked.map { (text) throws(TLSCertificateError) in try RevocationList.all(in: text) }
        guard let store = unsafe X509_STORE_new() else { throw .noMemory }
        unsafe pointer = store
        unsafe names = sk_X509_NAME_new_null()
        count = certificates.count
        digest = sha256(certificates.flatMap(sha256))
        lists = revokedLists.map { lists in
            let newest = RevocationList.newest(of: lists)
            return RevocationLists(
                file: "", count: lists.count, nextUpdate: newest.compactMap(\.nextUpdate).min(),
                digest: sha256(lists.flatMap { sha256($0.der) }), newest: newest)
        }
        // Whatever fails from here on, all is let go by `deinit`.
        for der in certificates {
            if let impostor = try unsafe Self.add(der, to: store, names) { impostors.append(impostor) }
        }
        if unsafe Self.byteCount(of: names) > Self.mostNameBytes { unsafe Self.empty(names) }
        guard let revokedLists else { return }
        for list in revokedLists {
            guard unsafe X509_STORE_add_crl(store, list.pointer) == 1 else {
                throw .badRevocationList(BoringError.take())
            }
        }
        unsafe X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
    }

    deinit {
        unsafe X509_STORE_free(pointer)
        unsafe sk_X509_NAME_pop_free(names) { unsafe X509_NAME_free($0) }
    }

    /// What a configuration says of it.
    public func described(file: String, isSystems: Bool) -> Authorities {
        Authorities(file: file, isSystems: isSystems, count: count, digest: digest, held: self)
    }

    /// The same of the lists of revoked certificates; nil where none are looked at.
    ///
    /// - Parameter file: where they were read from.
    public func revoked(file: String) -> RevocationLists? {
        var described = lists
        described?.file = file
        return described
    }

    /// Authorities that clients are told.
    var toldCount: Int { unsafe sk_X509_NAME_num(names) }

    private static func byteCount(of names: OpaquePointer?) -> Int {
        let count = unsafe sk_X509_NAME_num(names)
        let each = (0..<count).map { index in
            unsafe Int(max(0, i2d_X509_NAME(sk_X509_NAME_value(names, index), nil))) + 2
        }
        return each.reduce(0, +)
    }

    private static func empty(_ names: OpaquePointer?) {
        while let name = unsafe sk_X509_NAME_pop(names) { unsafe X509_NAME_free(name) }
    }

    /// Whether one of them has that subject, as one line (RFC 2253).
    public func hasAuthority(_ subject: String) -> Bool {
        let count = unsafe sk_X509_NAME_num(names)
        return (0..<count).contains { unsafe ParsedCertificate.line(sk_X509_NAME_value(names, $0)) == subject }
    }

    /// - Returns: its subject, where it is no authority: nobody is believed for it then but itself, if it has signed itself.
    private static func add(
        _ der: [UInt8], to store: OpaquePointer, _ names: OpaquePointer?
    ) throws(TLSCertificateError) -> String? {
        let found = unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return unsafe d2i_X509(nil, &next, bytes.count)
        }
        guard let certificate = unsafe found else { throw .badCertificate(BoringError.take()) }
        defer { unsafe X509_free(certificate) }
        guard unsafe X509_STORE_add_cert(store, certificate) == 1 else { throw .unusable(BoringError.take()) }
        let subject = unsafe X509_get_subject_name(certificate)
        unsafe sk_X509_NAME_push(names, X509_NAME_dup(subject))
        guard unsafe X509_check_ca(certificate) == 0,
            unsafe X509_NAME_cmp(X509_get_issuer_name(certificate), subject) != 0
        else { return nil }
        return unsafe ParsedCertificate.line(subject)
    }
}
