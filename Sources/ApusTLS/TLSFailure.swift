public import ApusModel
public import ApusTransport
internal import CNIOBoringSSL

/// Why a handshake, or a connection after it, failed.
public enum TLSFailure: Error, Sendable, Equatable {
    case none
    case noMemory
    /// What it was to be made from is not of this module's making.
    case unusable
    /// The peer's first bytes are a request in plain HTTP.
    case isPlainHTTP
    /// The peer's first bytes are no TLS.
    case isNoTLS
    /// No version, cipher, group or signature algorithm that both sides want.
    case nothingInCommon(String)
    /// The client asked for a name that none of the certificates is for, or for a protocol that is not spoken.
    case unknownName
    case unknownProtocol
    /// The peer has refused, with this alert (RFC 8446 section 6.2).
    case refused(alert: UInt8)
    /// The peer's certificate is not good.
    case badCertificate(CertificateFault)
    /// The peer broke the protocol.
    case brokeProtocol(String)

    init(of ssl: OpaquePointer?) {
        let code = ERR_get_error()
        ERR_clear_error()
        let reason = Int32(code & 0xfff)
        let text = unsafe ERR_reason_error_string(code).map { unsafe String(cString: $0) } ?? "unknown"
        if reason == ERR_R_MALLOC_FAILURE {
            self = .noMemory
        } else if reason > SSL_AD_REASON_OFFSET, reason < SSL_AD_REASON_OFFSET + 256 {
            self = .refused(alert: UInt8(reason - SSL_AD_REASON_OFFSET))
        } else {
            switch reason {
            case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: self = .isPlainHTTP
            case SSL_R_WRONG_VERSION_NUMBER: self = .isNoTLS
            case SSL_R_NO_SHARED_CIPHER, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_SHARED_GROUP,
                SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
                self = .nothingInCommon(text)
            // What BoringSSL says of a client of TLS 1.2 that does not know the group of an ECDSA key.
            case SSL_R_WRONG_CURVE where unsafe SSL_is_server(ssl) == 1: self = .nothingInCommon(text)
            case SSL_R_CLIENTHELLO_TLSEXT: self = .unknownName
            case SSL_R_NO_APPLICATION_PROTOCOL: self = .unknownProtocol
            case SSL_R_CERTIFICATE_VERIFY_FAILED: self = unsafe .badCertificate(CertificateFault(of: ssl))
            case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE: self = .badCertificate(.missing)
            default: self = .brokeProtocol(text)
            }
        }
    }
}

extension TLSFailure {
    /// As those see it who know no library for TLS.
    public var fault: LinkFault {
        switch self {
        case .none: LinkFault(.none)
        case .noMemory, .unusable: LinkFault(.memory)
        case .unknownName: LinkFault(.unknownName)
        case .unknownProtocol: LinkFault(.unknownProtocol)
        case .isPlainHTTP: LinkFault(.plainHTTP)
        case .isNoTLS: LinkFault(.noTLS)
        case .nothingInCommon: LinkFault(.nothingInCommon)
        case .refused(let alert): LinkFault(.refused, detail: alert)
        case .badCertificate(let fault): LinkFault(.certificate, detail: fault.rawValue)
        case .brokeProtocol: LinkFault(.broken)
        }
    }
}

extension CertificateFault {
    /// What BoringSSL found.
    init(of ssl: OpaquePointer?) {
        switch unsafe Int32(truncatingIfNeeded: SSL_get_verify_result(ssl)) {
        case X509_V_ERR_CERT_HAS_EXPIRED: self = .expired
        case X509_V_ERR_CERT_NOT_YET_VALID: self = .notYetValid
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED:
            self = .unknownIssuer
        case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .wrongName
        case X509_V_ERR_CERT_REVOKED: self = .revoked
        case X509_V_ERR_INVALID_PURPOSE: self = .wrongPurpose
        case X509_V_ERR_UNABLE_TO_GET_CRL, X509_V_ERR_CRL_HAS_EXPIRED, X509_V_ERR_CRL_NOT_YET_VALID:
            self = .noRevocationList
        default: self = .bad
        }
    }
}
