import ApusAddresses
public import ApusModel
internal import CNIOBoringSSL

/// A certificate with its chain and its key, ready to be shown.
@safe
public final class TLSCertificate: Certificate.Holder, @unchecked Sendable {
    public enum KeyKind: String, Sendable {
        case ecdsa = "ECDSA"
        case rsa = "RSA"
        case ed25519 = "Ed25519"
    }

    /// DNS names, in lower case and as they stand, wildcards included. Those of the subject alternative name alone count
    /// (RFC 9525 section 2).
    public let names: [String]
    /// IP addresses, as bytes.
    public let addresses: [[UInt8]]
    /// When it begins to hold and when it ends, in seconds since 1970.
    public let notBefore: Int64
    public let notAfter: Int64
    /// The issuer, as one line (RFC 2253).
    public let issuer: String
    public let keyKind: KeyKind
    /// Bits of the key.
    public let keyBits: Int
    /// Certificates that are shown behind it.
    public let chainCount: Int
    /// Whether it was issued by itself.
    public let isSelfSigned: Bool
    /// SHA-256 of the certificate, and of it with its chain.
    let fingerprint: [UInt8]
    let digest: [UInt8]
    let credential: OpaquePointer

    /// - Parameters:
    ///   - chain: the certificate, and behind it those of its issuers, in PEM.
    ///   - key: its key, in PEM, not encrypted.
    public init(chain: [UInt8], key: [UInt8]) throws(TLSCertificateError) {
        let certificates = try PEM.certificates(in: chain)
        let parsed = try ParsedCertificate(certificates[0])
        names = parsed.names
        addresses = parsed.addresses
        (notBefore, notAfter) = (parsed.notBefore, parsed.notAfter)
        issuer = parsed.issuer
        isSelfSigned = parsed.isSelfSigned
        chainCount = certificates.count - 1
        fingerprint = sha256(certificates[0])
        digest = sha256(certificates.flatMap(sha256))
        let privateKey = try PrivateKey(pem: key)
        guard parsed.fits(privateKey) else { throw .keyDoesNotFit }
        (keyKind, keyBits) = (privateKey.kind, privateKey.bits)
        unsafe credential = try Self.credential(certificates, privateKey)
    }

    deinit { unsafe SSL_CREDENTIAL_free(credential) }

    /// What a configuration says of it.
    ///
    /// - Parameters:
    ///   - file: where it was read from; nil for no file.
    ///   - keyFile: where its key was.
    public func described(file: String?, keyFile: String?) -> Certificate {
        Certificate(
            file: file, keyFile: keyFile,
            names: names + addresses.compactMap { IPAddress(networkBytes: $0).map { "\($0)" } },
            notBefore: notBefore, notAfter: notAfter, issuer: issuer, keyKind: keyKind.rawValue, keyBits: keyBits,
            fingerprint: fingerprint, digest: digest, held: self)
    }

    private static func credential(
        _ certificates: [[UInt8]], _ key: PrivateKey
    ) throws(TLSCertificateError) -> OpaquePointer {
        guard let credential = unsafe SSL_CREDENTIAL_new_x509() else { throw .noMemory }
        var buffers: [OpaquePointer?] = unsafe certificates.map { unsafe CRYPTO_BUFFER_new($0, $0.count, nil) }
        defer { for index in unsafe buffers.indices { unsafe CRYPTO_BUFFER_free(buffers[index]) } }
        let isSet = unsafe buffers.withUnsafeMutableBufferPointer {
            unsafe SSL_CREDENTIAL_set1_cert_chain(credential, $0.baseAddress, $0.count) == 1
        }
        guard isSet, unsafe SSL_CREDENTIAL_set1_private_key(credential, key.pointer) == 1 else {
            unsafe SSL_CREDENTIAL_free(credential)
            let words = BoringError.take()
            throw .unusable(words)
        }
        return unsafe credential
    }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe SHA256(bytes, bytes.count, &digest)
    return digest
}
