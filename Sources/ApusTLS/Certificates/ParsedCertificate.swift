internal import CNIOBoringSSL

/// What a certificate says.
@safe
struct ParsedCertificate: ~Copyable {
    private let pointer: OpaquePointer
    let names: [String]
    let addresses: [[UInt8]]
    let uris: [String]
    let mails: [String]
    /// A name that none may have was left out: NUL ends it for some, and escapes reach terminals.
    let hasOddNames: Bool
    let notBefore: Int64
    let notAfter: Int64
    let issuer: String
    let isSelfSigned: Bool

    init(_ der: [UInt8]) throws(TLSCertificateError) {
        let found = unsafe der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return unsafe d2i_X509(nil, &next, bytes.count)
        }
        guard let certificate = unsafe found else { throw .badCertificate(BoringError.take()) }
        unsafe self.init(owning: certificate)
    }

    /// One that BoringSSL holds already.
    init(_ certificate: OpaquePointer) {
        unsafe X509_up_ref(certificate)
        unsafe self.init(owning: certificate)
    }

    private init(owning certificate: OpaquePointer) {
        unsafe pointer = certificate
        let subjects = unsafe SubjectNames(of: certificate)
        (names, addresses, uris, mails) = (subjects.names, subjects.addresses, subjects.uris, subjects.mails)
        hasOddNames = subjects.hasOdd
        notBefore = unsafe Self.time(X509_get0_notBefore(certificate))
        notAfter = unsafe Self.time(X509_get0_notAfter(certificate))
        let issuerName = unsafe X509_get_issuer_name(certificate)
        issuer = unsafe Self.line(issuerName)
        isSelfSigned = unsafe X509_NAME_cmp(issuerName, X509_get_subject_name(certificate)) == 0
    }

    deinit { unsafe X509_free(pointer) }

    /// Whether that is the key to it.
    func fits(_ key: PrivateKey) -> Bool {
        defer { ERR_clear_error() }
        return unsafe X509_check_private_key(pointer, key.pointer) == 1
    }

    private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var seconds: Int64 = 0
        return unsafe ASN1_TIME_to_posix(time, &seconds) == 1 ? seconds : 0
    }

    /// Whether it may be shown by servers, and by clients: those that say nothing about it may by both (RFC 5280 section
    /// 4.2.1.12).
    var isForServers: Bool { unsafe X509_get_extended_key_usage(pointer) & UInt32(XKU_SSL_SERVER) != 0 }
    var isForClients: Bool { unsafe X509_get_extended_key_usage(pointer) & UInt32(XKU_SSL_CLIENT) != 0 }

    /// Its serial number, without leading zeros.
    var serial: [UInt8] {
        let number = unsafe X509_get0_serialNumber(pointer)
        let bytes = unsafe UnsafeBufferPointer(
            start: ASN1_STRING_get0_data(number), count: Int(ASN1_STRING_length(number)))
        return unsafe Array(bytes.drop { $0 == 0 })
    }

    /// The names of its issuer and of its own, in DER.
    var issuerName: [UInt8] { unsafe Self.der(of: X509_get_issuer_name(pointer)) }
    var subjectName: [UInt8] { unsafe Self.der(of: X509_get_subject_name(pointer)) }

    private static func der(of name: OpaquePointer?) -> [UInt8] {
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        guard unsafe X509_NAME_get0_der(name, &bytes, &count) == 1 else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    /// Its public key, as the bits that stand in it.
    var publicKey: [UInt8] {
        let bits = unsafe X509_get0_pubkey_bitstr(pointer)
        return unsafe Array(
            UnsafeBufferPointer(start: ASN1_STRING_get0_data(bits), count: Int(ASN1_STRING_length(bits))))
    }

    /// Whose it is, as one line (RFC 2253).
    var subject: String { unsafe Self.line(X509_get_subject_name(pointer)) }

    /// The last of its common names; nil for none, or one that cannot stand in a line.
    var commonName: String? {
        let subject = unsafe X509_get_subject_name(pointer)
        var index: Int32 = -1
        while case let next = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, index), next >= 0 {
            index = next
        }
        guard index >= 0 else { return nil }
        let entry = unsafe X509_NAME_get_entry(subject, index)
        var text: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry))
        defer { unsafe OPENSSL_free(text) }
        guard count > 0 else { return nil }
        let bytes = unsafe UnsafeBufferPointer(start: text, count: Int(count))
        guard unsafe bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return nil }
        return unsafe String(decoding: bytes, as: UTF8.self)
    }

    /// A name as one line (RFC 2253).
    static func line(_ name: OpaquePointer?) -> String {
        let bio = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(bio) }
        // As RFC 2253 has it, but letters beyond ASCII as they are.
        let flags =
            ASN1_STRFLGS_ESC_2253 | ASN1_STRFLGS_ESC_CTRL | ASN1_STRFLGS_UTF8_CONVERT | ASN1_STRFLGS_DUMP_UNKNOWN
            | ASN1_STRFLGS_DUMP_DER
        let form = XN_FLAG_SEP_COMMA_PLUS | XN_FLAG_DN_REV | XN_FLAG_FN_SN | XN_FLAG_DUMP_UNKNOWN_FIELDS
        unsafe X509_NAME_print_ex(bio, name, 0, UInt(flags) | UInt(form))
        var bytes: UnsafePointer<UInt8>?
        var count = 0
        guard unsafe BIO_mem_contents(bio, &bytes, &count) == 1 else { return "" }
        return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
}
