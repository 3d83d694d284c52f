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
    /// Bytes of a certificate and its chain at most: they must fit into a handshake, of which clients take 100 KB at most.
    public static let mostChainBytes = 48 << 10
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
    /// Whether clients take it from a server, and origins from a client.
    public let isForServers: Bool
    public let isForClients: Bool
    /// SHA-256 of the certificate, and of it with its chain.
    let fingerprint: [UInt8]
    let digest: [UInt8]
    /// Until when the authority's word that it is not revoked holds, in seconds since 1970: `.max` where that does not say; nil
    /// where there is none to be shown.
    public let stapledUntil: Int64?
    /// When that word was given.
    public let stapledSince: Int64?
    /// Why that which was given is not shown.
    public let stapleFault: OCSPFault?
    private let plain: OpaquePointer
    /// The same with that word.
    private let stapled: OpaquePointer?

    /// What is shown at a time, in seconds since 1970: a word of the authority that is too old, or does not hold yet, makes clients
    /// refuse the certificate.
    func credential(at time: Int64) -> OpaquePointer {
        guard let until = stapledUntil, let stapled = unsafe stapled, (stapledSince ?? 0) <= time, time < until else {
            return unsafe plain
        }
        return unsafe stapled
    }

    /// - Parameters:
    ///   - chain: the certificate, and behind it those of its issuers, in PEM.
    ///   - key: its key, in PEM, not encrypted.
    ///   - response: the authority's answer about it (OCSP), in DER; never a reason to fail.
    public convenience init(chain: [UInt8], key: [UInt8], response: [UInt8]? = nil) throws(TLSCertificateError) {
        let certificates = try PEM.certificates(in: chain)
        let parsed = try ParsedCertificate(certificates[0])
        let key = try PrivateKey(pem: key)
        guard parsed.fits(key) else { throw .keyDoesNotFit }
        try self.init(certificates, parsed, .here(key), response)
    }

    /// One whose key is elsewhere. Whether the two belong together nobody can say here: clients will.
    ///
    /// - Parameter signer: signs with it.
    public convenience init(
        chain: [UInt8], signer: any TLSSigner, response: [UInt8]? = nil
    ) throws(TLSCertificateError) {
        let certificates = try PEM.certificates(in: chain)
        try self.init(certificates, ParsedCertificate(certificates[0]), .elsewhere(signer), response)
    }

    /// Where a certificate's key is.
    private enum Key {
        case here(PrivateKey)
        case elsewhere(any TLSSigner)

        var kind: KeyKind {
            switch self {
            case .here(let key): key.kind
            case .elsewhere(let signer): signer.keyKind
            }
        }

        var bits: Int {
            switch self {
            case .here(let key): key.bits
            case .elsewhere(let signer): signer.keyBits
            }
        }
    }

    private init(
        _ certificates: [[UInt8]], _ parsed: borrowing ParsedCertificate, _ key: Key, _ response: [UInt8]?
    ) throws(TLSCertificateError) {
        let chainBytes = certificates.reduce(0) { $0 + $1.count }
        guard chainBytes <= Self.mostChainBytes else { throw .chainTooLong(chainBytes) }
        names = parsed.names
        addresses = parsed.addresses
        (notBefore, notAfter) = (parsed.notBefore, parsed.notAfter)
        issuer = parsed.issuer
        isSelfSigned = parsed.isSelfSigned
        (isForServers, isForClients) = (parsed.isForServers, parsed.isForClients)
        chainCount = certificates.count - 1
        fingerprint = sha256(certificates[0])
        digest = sha256(certificates.flatMap(sha256))
        (keyKind, keyBits) = (key.kind, key.bits)
        var (from, until, fault): (Int64?, Int64?, OCSPFault?)
        if let response {
            do throws(OCSPFault) {
                let subject = OCSPSubject(parsed, issuedBy: certificates.dropFirst().first)
                let found = try OCSPResponse(response, about: subject)
                (from, until) = (found.thisUpdate, found.nextUpdate ?? .max)
            } catch {
                fault = error
            }
        }
        (stapledSince, stapledUntil, stapleFault) = (from, until, fault)
        unsafe stapled = try until == nil ? nil : Self.credential(certificates, key, showing: response)
        do throws(TLSCertificateError) {
            unsafe plain = try Self.credential(certificates, key)
        } catch {
            unsafe SSL_CREDENTIAL_free(stapled)
            throw error
        }
    }

    deinit {
        unsafe SSL_CREDENTIAL_free(plain)
        unsafe SSL_CREDENTIAL_free(stapled)
    }

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
        _ certificates: [[UInt8]], _ key: Key, showing response: [UInt8]? = nil
    ) throws(TLSCertificateError) -> OpaquePointer {
        guard let credential = unsafe SSL_CREDENTIAL_new_x509() else { throw .noMemory }
        var buffers: [OpaquePointer?] = unsafe certificates.map { unsafe CRYPTO_BUFFER_new($0, $0.count, nil) }
        defer { for index in unsafe buffers.indices { unsafe CRYPTO_BUFFER_free(buffers[index]) } }
        let isSet = unsafe buffers.withUnsafeMutableBufferPointer {
            unsafe SSL_CREDENTIAL_set1_cert_chain(credential, $0.baseAddress, $0.count) == 1
        }
        let algorithms = key.kind.algorithms
        guard isSet, unsafe give(key, to: credential),
            unsafe SSL_CREDENTIAL_set1_signing_algorithm_prefs(credential, algorithms, algorithms.count) == 1
        else {
            unsafe SSL_CREDENTIAL_free(credential)
            let words = BoringError.take()
            throw .unusable(words)
        }
        if let response {
            let buffer = unsafe CRYPTO_BUFFER_new(response, response.count, nil)
            unsafe SSL_CREDENTIAL_set1_ocsp_response(credential, buffer)
            unsafe CRYPTO_BUFFER_free(buffer)
        }
        return unsafe credential
    }

    private static func give(_ key: Key, to credential: OpaquePointer) -> Bool {
        switch key {
        case .here(let key): unsafe SSL_CREDENTIAL_set1_private_key(credential, key.pointer) == 1
        case .elsewhere(let signer): unsafe CredentialSigner.set(signer, of: credential)
        }
    }
}

extension TLSCertificate.KeyKind {
    /// What is signed with such a key, the preferred first: BoringSSL's own list has SHA-1.
    fileprivate var algorithms: [UInt16] {
        let numbers =
            switch self {
            case .ecdsa:
                [SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384, SSL_SIGN_ECDSA_SECP521R1_SHA512]
            case .rsa:
                [
                    SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PKCS1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA384,
                    SSL_SIGN_RSA_PKCS1_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA512, SSL_SIGN_RSA_PKCS1_SHA512,
                ]
            case .ed25519: [SSL_SIGN_ED25519]
            }
        return numbers.map { UInt16($0) }
    }
}

extension TLSCertificate {
    /// Overwrites what a key was read from. Nobody else may have the array, or it is a copy that is overwritten.
    public static func wipe(_ bytes: inout [UInt8]) {
        unsafe bytes.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
    }

    /// SHA-256 of the first certificate in a text in PEM; nil where there is none.
    public static func fingerprint(ofFirstIn chain: [UInt8]) -> [UInt8]? {
        (try? PEM.certificates(in: chain)).map { sha256($0[0]) }
    }

    /// SHA-256 of what was read.
    public static func digest(of bytes: [UInt8]) -> [UInt8] { sha256(bytes) }
}

func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    unsafe SHA256(bytes, bytes.count, &digest)
    return digest
}
