import ApusModel
internal import CNIOBoringSSL

/// A list of revoked certificates (RFC 5280 section 5).
@safe
final class RevocationList {
    let der: [UInt8]
    let pointer: OpaquePointer
    /// Whose it is, as one line (RFC 2253).
    private let issuer: String
    /// When it was made, and when there must be a newer one, in seconds since 1970; nil where it does not say.
    private let thisUpdate: Int64
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
        var (made, seconds): (Int64, Int64) = (0, 0)
        thisUpdate = unsafe ASN1_TIME_to_posix(X509_CRL_get0_lastUpdate(list), &made) == 1 ? made : 0
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

    /// The newest of each issuer, by the issuer.
    static func newest(of lists: [RevocationList]) -> [RevocationLists.Newest] {
        let newest = Dictionary(
            lists.map { ($0.issuer, $0) },
            uniquingKeysWith: { one, other in (other.nextUpdate ?? .max) > (one.nextUpdate ?? .max) ? other : one })
        return newest.values.sorted { $0.issuer < $1.issuer }.map {
            RevocationLists.Newest(issuer: $0.issuer, thisUpdate: $0.thisUpdate, nextUpdate: $0.nextUpdate)
        }
    }
}
