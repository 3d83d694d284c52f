internal import CNIOBoringSSL

/// A list of revoked certificates (RFC 5280 section 5).
@safe
final class RevocationList {
    let der: [UInt8]
    let pointer: OpaquePointer
    /// Whose it is, as one line (RFC 2253).
    private let issuer: String
    /// When there must be a newer one, in seconds since 1970; nil where it does not say.
    private let nextUpdate: Int64?

    private init(_ der: [UInt8]) throws(TLSCertificateError) {
        let found = unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return unsafe d2i_X509_CRL(nil, &next, bytes.count)
        }
        guard let list = unsafe found else { throw .badRevocationList(BoringError.take()) }
        self.der = der
        unsafe pointer = list
        issuer = unsafe ParsedCertificate.line(X509_CRL_get_issuer(list))
        var seconds: Int64 = 0
        let next = unsafe X509_CRL_get0_nextUpdate(list)
        nextUpdate = unsafe next != nil && ASN1_TIME_to_posix(next, &seconds) == 1 ? seconds : nil
    }

    deinit { unsafe X509_CRL_free(pointer) }

    /// Those of a text in PEM; at least one.
    static func all(in text: [UInt8]) throws(TLSCertificateError) -> [RevocationList] {
        var all: [RevocationList] = []
        for der in try PEM.revocationLists(in: text) { all.append(try RevocationList(der)) }
        return all
    }

    /// When the first issuer must have a newer one than its newest; nil for never.
    static func nextUpdate(of lists: [RevocationList]) -> Int64? {
        let newest = Dictionary(
            lists.map { ($0.issuer, $0.nextUpdate ?? .max) }, uniquingKeysWith: { one, other in max(one, other) })
        return newest.values.min().flatMap { $0 == .max ? nil : $0 }
    }
}
