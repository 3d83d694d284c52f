/// A certificate with its chain and its key, as a listener shows it to clients, or a pool to its origins.
///
/// The key is with `held` alone; there is no way to it from here.
public struct Certificate: Sendable, Equatable {
    /// What holds the key: something that can make a handshake of it.
    public protocol Holder: AnyObject, Sendable {}

    /// What stands for a file where the configuration's text has it.
    public static let textPlace = "(text)"

    /// The files that it was read from; nil for text that stood in the configuration itself.
    public var file: String?
    public var keyFile: String?
    /// DNS names, in lower case, and IP addresses that it is for, in its order.
    public var names: [String]
    /// From when and until when it holds, in seconds since 1970.
    public var notBefore: Int64
    public var notAfter: Int64
    /// Who has signed it, as one line (RFC 4514).
    public var issuer: String
    /// `ECDSA`, `RSA` or `Ed25519`, and how many bits its key has.
    public var keyKind: String
    public var keyBits: Int
    /// SHA-256 of the certificate, 32 bytes, and of all that is shown with it.
    public var fingerprint: [UInt8]
    public var digest: [UInt8]
    /// The authority's word, shown with it, that it is not revoked; nil for none.
    public var stapled: StapledResponse?
    public let held: any Holder

    public init(
        file: String?, keyFile: String?, names: [String], notBefore: Int64, notAfter: Int64, issuer: String,
        keyKind: String, keyBits: Int, fingerprint: [UInt8], digest: [UInt8], held: any Holder
    ) {
        self.file = file
        self.keyFile = keyFile
        self.names = names
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.issuer = issuer
        self.keyKind = keyKind
        self.keyBits = keyBits
        self.fingerprint = fingerprint
        self.digest = digest
        self.held = held
    }

    /// From when it is told that it ends, in seconds since 1970: its last third, three weeks at most.
    ///
    /// What renews certificates by itself does it with a third of their life left; one that holds for six days must not be told
    /// of on each of them.
    public var warningTime: Int64 { notAfter - min(max(0, notAfter - notBefore) / 3, 21 * 86_400) }

    /// Whether they are shown alike, and come from the same place.
    public static func == (one: Certificate, other: Certificate) -> Bool {
        one.digest == other.digest && one.file == other.file && one.keyFile == other.keyFile
            && one.stapled == other.stapled
    }
}

/// The authority's answer about a certificate (OCSP, RFC 6960), which is shown with it (RFC 6066 section 8) so that clients need
/// not ask for it.
public struct StapledResponse: Sendable, Equatable {
    /// The file that it is read from.
    public var file: String
    /// Until when it holds, in seconds since 1970, `.max` where it does not say: it is not shown any longer. Nil where the file holds
    /// none that can be shown.
    public var until: Int64?
    /// When it was made, in seconds since 1970; nil where `until` is.
    public var since: Int64?
    /// Why it is not shown, and what to do, in words; nil where nothing is wrong with it.
    public var fault: String?
    /// SHA-256 of it.
    public var digest: [UInt8]

    public init(file: String, until: Int64?, digest: [UInt8], since: Int64? = nil, fault: String? = nil) {
        self.file = file
        self.until = until
        self.digest = digest
        self.since = since
        self.fault = fault
    }
}

/// Whose certificates are believed.
public struct Authorities: Sendable, Equatable {
    /// What can judge a certificate by them.
    public protocol Holder: AnyObject, Sendable {}

    /// The file that they were read from.
    public var file: String
    /// Whether they are the system's.
    public var isSystems: Bool
    /// How many there are.
    public var count: Int
    /// SHA-256 of them.
    public var digest: [UInt8]
    public let held: any Holder

    public init(file: String, isSystems: Bool, count: Int, digest: [UInt8], held: any Holder) {
        self.file = file
        self.isSystems = isSystems
        self.count = count
        self.digest = digest
        self.held = held
    }

    public static func == (one: Authorities, other: Authorities) -> Bool {
        one.digest == other.digest && one.file == other.file && one.isSystems == other.isSystems
    }
}
