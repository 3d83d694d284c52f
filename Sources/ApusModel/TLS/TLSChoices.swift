/// Groups of key exchange (IANA, TLS Supported Groups).
public enum TLSGroup: String, Sendable, CaseIterable {
    case x25519MLKEM768 = "X25519MLKEM768"
    case x25519 = "X25519"
    case p256 = "P-256"
    case p384 = "P-384"
    case p521 = "P-521"

    /// The preferred first. One that withstands whoever records now and breaks it later, two that all know, and one that some
    /// are told to ask for.
    public static let usual: [TLSGroup] = [.x25519MLKEM768, .x25519, .p256, .p384]
}

/// Cipher suites of TLS 1.2, by the names that OpenSSL has for them. Those of TLS 1.3 cannot be chosen: all are good.
public enum TLSCipher: String, Sendable, CaseIterable {
    case ecdsaAES128GCM = "ECDHE-ECDSA-AES128-GCM-SHA256"
    case rsaAES128GCM = "ECDHE-RSA-AES128-GCM-SHA256"
    case ecdsaAES256GCM = "ECDHE-ECDSA-AES256-GCM-SHA384"
    case rsaAES256GCM = "ECDHE-RSA-AES256-GCM-SHA384"
    case ecdsaChaCha20 = "ECDHE-ECDSA-CHACHA20-POLY1305"
    case rsaChaCha20 = "ECDHE-RSA-CHACHA20-POLY1305"
    // For those who must: CBC, whose padding has been attacked again and again.
    case ecdsaAES128CBC = "ECDHE-ECDSA-AES128-SHA"
    case rsaAES128CBC = "ECDHE-RSA-AES128-SHA"
    case ecdsaAES256CBC = "ECDHE-ECDSA-AES256-SHA"
    case rsaAES256CBC = "ECDHE-RSA-AES256-SHA"
    // And without forward secrecy: who comes to have the key reads what was recorded.
    case plainAES128GCM = "AES128-GCM-SHA256"
    case plainAES256GCM = "AES256-GCM-SHA384"
    case plainAES128CBC = "AES128-SHA"
    case plainAES256CBC = "AES256-SHA"

    /// The preferred first (RFC 9325 section 4.2).
    public static let usual: [TLSCipher] = [
        .ecdsaAES128GCM, .rsaAES128GCM, .ecdsaAES256GCM, .rsaAES256GCM, .ecdsaChaCha20, .rsaChaCha20,
    ]
    /// Whether it is one that RFC 9325 recommends.
    public var isRecommended: Bool { Self.usual.contains(self) }

    /// Whether it is of use to a certificate with such a key (`Certificate.keyKind`). Ed25519 goes by the suites of ECDSA
    /// (RFC 8422 section 5.1.1).
    public func fits(keyKind: String) -> Bool { (keyKind == "RSA") != rawValue.contains("ECDSA") }
}

/// Names for what is usual in the field (Mozilla's Server Side TLS).
public enum TLSPreset: String, Sendable, CaseIterable {
    /// TLS 1.2 and 1.3, for all clients of the last ten years.
    case intermediate
    /// TLS 1.3 alone.
    case modern
}

/// Keys that session tickets are sealed with, as they were read from a file: several instances share them.
public struct SharedTicketKeys: Sendable, Equatable {
    /// What has the keys.
    public protocol Holder: AnyObject, Sendable {}

    public var file: String
    public var count: Int
    /// SHA-256 of them.
    public var digest: [UInt8]
    public let held: any Holder

    public init(file: String, count: Int, digest: [UInt8], held: any Holder) {
        self.file = file
        self.count = count
        self.digest = digest
        self.held = held
    }

    public static func == (one: SharedTicketKeys, other: SharedTicketKeys) -> Bool {
        one.digest == other.digest && one.file == other.file
    }
}
