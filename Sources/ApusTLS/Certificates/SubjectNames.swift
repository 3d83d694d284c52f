internal import CNIOBoringSSL

/// The names of a certificate's subject alternative name (RFC 5280 section 4.2.1.6).
struct SubjectNames {
    /// DNS names in lower case.
    private(set) var names: [String] = []
    /// As bytes.
    private(set) var addresses: [[UInt8]] = []
    private(set) var uris: [String] = []
    private(set) var mails: [String] = []
    /// One was left out that has a byte which none of its kind may have.
    private(set) var hasOdd = false

    init(of certificate: OpaquePointer) {
        let found = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil)
        guard let list = unsafe found.map({ OpaquePointer($0) }) else { return }
        defer { unsafe GENERAL_NAMES_free(list) }
        let count = unsafe sk_GENERAL_NAME_num(list)
        for index in 0..<count {
            guard let name = unsafe sk_GENERAL_NAME_value(list, index) else { continue }
            switch unsafe name.pointee.type {
            case GEN_DNS: unsafe add(Self.bytes(name.pointee.d.dNSName), to: \.names, where: isOfName)
            case GEN_URI: unsafe add(Self.bytes(name.pointee.d.uniformResourceIdentifier), to: \.uris, where: isVisible)
            case GEN_EMAIL: unsafe add(Self.bytes(name.pointee.d.rfc822Name), to: \.mails, where: isVisible)
            case GEN_IPADD: unsafe addresses.append(Self.bytes(name.pointee.d.iPAddress))
            default: continue
            }
        }
    }

    private mutating func add(
        _ bytes: [UInt8], to list: WritableKeyPath<SubjectNames, [String]>, where isGood: (UInt8) -> Bool
    ) {
        guard bytes.allSatisfy(isGood) else {
            hasOdd = true
            return
        }
        let text = String(decoding: bytes, as: UTF8.self)
        self[keyPath: list].append(list == \.names ? text.lowercased() : text)
    }

    private static func bytes(_ string: UnsafeMutablePointer<ASN1_STRING>?) -> [UInt8] {
        guard let start = unsafe ASN1_STRING_get0_data(string) else { return [] }
        return unsafe Array(UnsafeBufferPointer(start: start, count: Int(ASN1_STRING_length(string))))
    }
}

/// Whether a URI or an e-mail address may have that byte (RFC 3986 section 2, RFC 5321 section 4.1.2).
private func isVisible(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7f }

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
