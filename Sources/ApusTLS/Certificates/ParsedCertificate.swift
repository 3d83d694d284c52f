internal import CNIOBoringSSL

/// What a certificate says.
@safe
struct ParsedCertificate: ~Copyable {
    private let pointer: OpaquePointer
    let names: [String]
    let addresses: [[UInt8]]
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
        unsafe pointer = certificate
        let subjects = unsafe Self.subjects(certificate)
        (names, addresses) = (subjects.names, subjects.addresses)
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

    private static func line(_ name: OpaquePointer?) -> String {
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

    private static func subjects(_ certificate: OpaquePointer) -> (names: [String], addresses: [[UInt8]]) {
        let found = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)
        guard let list = unsafe found.map({ OpaquePointer($0) }) else { return ([], []) }
        defer { unsafe GENERAL_NAMES_free(list) }
        var names: [String] = []
        var addresses: [[UInt8]] = []
        let count = unsafe sk_GENERAL_NAME_num(list)
        for index in 0..<count {
            guard let name = unsafe sk_GENERAL_NAME_value(list, index) else { continue }
            switch unsafe name.pointee.type {
            case GEN_DNS:
                let bytes = unsafe Self.bytes(name.pointee.d.dNSName)
                // What no name may hold is left out: NUL ends it for some, and escapes reach terminals.
                if bytes.allSatisfy(isOfName) { names.append(String(decoding: bytes, as: UTF8.self).lowercased()) }
            case GEN_IPADD: unsafe addresses.append(Self.bytes(name.pointee.d.iPAddress))
            default: continue
            }
        }
        return (names, addresses)
    }

    private static func bytes(_ string: UnsafeMutablePointer<ASN1_STRING>?) -> [UInt8] {
        guard let start = unsafe ASN1_STRING_get0_data(string) else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(string))))
    }
}

/// Whether a server name may have that byte: letters, digits, `-`, `.`, and `_` and `*` as in use.
private func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "*"):
        true
    default: false
    }
}
