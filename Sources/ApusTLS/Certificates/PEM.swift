internal import CNIOBoringSSL

/// Reading PEM (RFC 7468).
enum PEM {
    /// What stands in the certificates of a text, in their order; at least one.
    static func certificates(in text: [UInt8]) throws(TLSCertificateError) -> [[UInt8]] {
        let found: [[UInt8]]
        do throws(Unreadable) {
            found = try blocks(["CERTIFICATE", "X509 CERTIFICATE"], in: text)
        } catch {
            throw .badCertificate(error.words)
        }
        guard !found.isEmpty else { throw .noCertificate }
        return found
    }

    /// What stands in the lists of revoked certificates of a text; at least one.
    static func revocationLists(in text: [UInt8]) throws(TLSCertificateError) -> [[UInt8]] {
        let found: [[UInt8]]
        do throws(Unreadable) {
            found = try blocks(["X509 CRL"], in: text)
        } catch {
            throw .badRevocationList(error.words)
        }
        guard !found.isEmpty else { throw .noRevocationList }
        return found
    }

    private struct Unreadable: Error { var words: String }

    private static func blocks(_ names: [String], in text: [UInt8]) throws(Unreadable) -> [[UInt8]] {
        var found: [[UInt8]] = []
        let bio = unsafe text.withUnsafeBytes { unsafe copied($0) }
        defer { unsafe BIO_free(bio) }
        defer { ERR_clear_error() }
        while let block = unsafe next(bio) {
            if names.contains(block.name) { found.append(block.bytes) }
        }
        let reason = ERR_peek_last_error() & 0xfff
        guard reason == PEM_R_NO_START_LINE else { throw Unreadable(words: BoringError.take()) }
        return found
    }

    private static func copied(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
        let bio = unsafe BIO_new(BIO_s_mem())
        unsafe BIO_write(bio, bytes.baseAddress, Int32(clamping: bytes.count))
        return unsafe bio
    }

    private static func next(_ bio: OpaquePointer?) -> (name: String, bytes: [UInt8])? {
        var name: UnsafeMutablePointer<CChar>?
        var header: UnsafeMutablePointer<CChar>?
        var data: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard unsafe PEM_read_bio(bio, &name, &header, &data, &count) == 1 else { return nil }
        defer {
            unsafe OPENSSL_free(name)
            unsafe OPENSSL_free(header)
            unsafe OPENSSL_free(data)
        }
        guard let name = unsafe name, let data = unsafe data else { return nil }
        return unsafe (String(cString: name), Array(UnsafeBufferPointer(start: data, count: count)))
    }
}

/// A private key. It is wiped when it is let go.
@safe
final class PrivateKey {
    let pointer: OpaquePointer
    let kind: TLSCertificate.KeyKind
    let bits: Int

    init(pem text: [UInt8]) throws(TLSCertificateError) {
        let bio = unsafe text.withUnsafeBytes { unsafe BIO_new_mem_buf($0.baseAddress, $0.count) }
        defer { unsafe BIO_free(bio) }
        // An encrypted key would ask at the terminal: nobody is there.
        var wasAsked = false
        let key = unsafe withUnsafeMutablePointer(to: &wasAsked) { asked in
            unsafe PEM_read_bio_PrivateKey(
                bio, nil,
                { _, _, _, asked in
                    unsafe asked?.assumingMemoryBound(to: Bool.self).pointee = true
                    return -1
                }, asked)
        }
        guard let key = unsafe key else {
            if wasAsked { throw .keyIsEncrypted }
            let reason = ERR_peek_last_error() & 0xfff
            let words = BoringError.take()
            throw reason == PEM_R_NO_START_LINE ? .noKey : .badKey(words)
        }
        let id = unsafe EVP_PKEY_id(key)
        bits = unsafe Int(EVP_PKEY_bits(key))
        switch id {
        case EVP_PKEY_EC: kind = .ecdsa
        case EVP_PKEY_RSA: kind = .rsa
        case EVP_PKEY_ED25519: kind = .ed25519
        default:
            unsafe EVP_PKEY_free(key)
            throw .keyOfUnknownKind
        }
        unsafe pointer = key
    }

    deinit { unsafe EVP_PKEY_free(pointer) }
}
