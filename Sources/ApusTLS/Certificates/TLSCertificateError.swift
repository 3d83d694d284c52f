internal import CNIOBoringSSL

/// Why a certificate or a key can't be used.
public enum TLSCertificateError: Error, Sendable, Equatable {
    case noMemory
    /// There is no `-----BEGIN CERTIFICATE-----`.
    case noCertificate
    /// There is one, and what stands in it is no certificate.
    case badCertificate(String)
    /// With those behind it, it has so many bytes.
    case chainTooLong(Int)
    /// There is no key.
    case noKey
    /// The key is encrypted.
    case keyIsEncrypted
    case badKey(String)
    /// Of a kind that TLS has no use for here.
    case keyOfUnknownKind
    case keyDoesNotFit
    case unusable(String)
    /// There is no `-----BEGIN X509 CRL-----`, or what stands in it is no list of revoked certificates.
    case noRevocationList
    case badRevocationList(String)
}

/// What BoringSSL says of what went wrong last on this thread.
enum BoringError {
    /// In words; nothing is left to be said then.
    static func take() -> String {
        let code = ERR_peek_last_error()
        defer { ERR_clear_error() }
        return unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "unknown"
    }
}
