public import ApusModel
internal import CNIOBoringSSL

/// Versions, groups, ciphers and signature algorithms, set on purpose: BoringSSL's defaults are for browsers
/// (docs/design/0028).
public struct TLSRules: Sendable, Equatable {
    public var minimum = TLSVersion.tls12
    public var maximum = TLSVersion.tls13
    /// Key exchange groups, and cipher suites of TLS 1.2, the preferred first.
    public var groups = TLSGroup.usual
    public var ciphers = TLSCipher.usual
    /// Signature algorithms that a peer's certificate may be proved with: Ed25519 and P-521 in, SHA-1 out.
    public var peerAlgorithms: [UInt16] = [
        UInt16(SSL_SIGN_ECDSA_SECP256R1_SHA256), UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA256),
        UInt16(SSL_SIGN_RSA_PKCS1_SHA256),
        UInt16(SSL_SIGN_ED25519), UInt16(SSL_SIGN_ECDSA_SECP384R1_SHA384), UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA384),
        UInt16(SSL_SIGN_RSA_PKCS1_SHA384), UInt16(SSL_SIGN_ECDSA_SECP521R1_SHA512),
        UInt16(SSL_SIGN_RSA_PSS_RSAE_SHA512),
        UInt16(SSL_SIGN_RSA_PKCS1_SHA512),
    ]
    /// Bytes of certificates that a client may show: they are told to origins in a field.
    public var peerChainBytes = 24 << 10

    /// Seconds for which a session may be resumed at most; its ticket's key may be gone before.
    static let sessionSeconds: UInt32 = 24 * 3_600

    public init() {}
}

extension TLSGroup {
    /// As the protocol has it.
    var number: UInt16 {
        switch self {
        case .x25519MLKEM768: UInt16(SSL_GROUP_X25519_MLKEM768)
        case .x25519: UInt16(SSL_GROUP_X25519)
        case .p256: UInt16(SSL_GROUP_SECP256R1)
        case .p384: UInt16(SSL_GROUP_SECP384R1)
        case .p521: UInt16(SSL_GROUP_SECP521R1)
        }
    }
}

extension TLSCipher {
    /// As BoringSSL reads a list: each before the next. Of the usual ones those with AES-128 and ChaCha20 are equal, since a client
    /// knows which is the faster for it.
    static func list(_ ciphers: [TLSCipher]) -> String {
        guard ciphers == usual else { return ciphers.map(\.rawValue).joined(separator: ":") }
        func equals(_ one: TLSCipher, _ other: TLSCipher) -> String { "[\(one.rawValue)|\(other.rawValue)]" }
        return [
            equals(.ecdsaAES128GCM, .ecdsaChaCha20), equals(.rsaAES128GCM, .rsaChaCha20),
            TLSCipher.ecdsaAES256GCM.rawValue,
            TLSCipher.rsaAES256GCM.rawValue,
        ].joined(separator: ":")
    }
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
