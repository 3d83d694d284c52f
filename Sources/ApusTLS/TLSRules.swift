public import ApusModel
internal import CNIOBoringSSL

/// Versions, groups, ciphers and signature algorithms, set on purpose: BoringSSL's defaults are for browsers
/// (docs/design/0028).
public struct TLSRules: Sendable, Equatable {
    public var minimum = TLSVersion.tls12
    /// Key exchange groups, the preferred first, by their numbers (IANA, TLS Supported Groups).
    public var groups: [UInt16] = [
        UInt16(SSL_GROUP_X25519_MLKEM768), UInt16(SSL_GROUP_X25519), UInt16(SSL_GROUP_SECP256R1),
        UInt16(SSL_GROUP_SECP384R1),
    ]
    /// Cipher suites of TLS 1.2, the preferred first; those of 1.3 can't be chosen.
    public var ciphers: [String] = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
    /// Signature algorithms that a peer's certificate may be proved with: Ed25519 and P-521 in, SHA-1 out.
    public var peerAlgorithms: [UInt16] = [
        UInt16(SSL_SIGN_ECDSA_SECP256R1_SHA256), UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA256),
        UInt16(SSL_SIGN_RSA_PKCS1_SHA256),
        UInt16(SSL_SIGN_ED25519), UInt16(SSL_SIGN_ECDSA_SECP384R1_SHA384), UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA384),
        UInt16(SSL_SIGN_RSA_PKCS1_SHA384), UInt16(SSL_SIGN_ECDSA_SECP521R1_SHA512),
        UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA512),
        UInt16(SSL_SIGN_RSA_PKCS1_SHA512),
    ]

    public init() {}
}

extension TLSVersion {
    /// As the protocol has it.
    var number: UInt16 {
        switch self {
        case .tls12: 0x0303
        case .tls13: 0x0304
        }
    }
}
