/// What clients must show before they are served: certificates of their own (mutual TLS, RFC 8446 section 4.3.2).
public struct ClientCertificateRules: Sendable, Equatable {
    public enum Mode: String, Sendable, CaseIterable {
        /// None is asked for.
        case off
        /// One is asked for, and verified if it is shown; a client without one is served, too.
        case optional
        /// Without a good one the handshake fails.
        case required
    }

    /// How an origin is told of the certificate that a client has shown.
    public enum Telling: String, Sendable, CaseIterable {
        /// `Client-Cert`: the certificate itself (RFC 9440 section 2.2).
        case clientCert = "client_cert"
        /// `Client-Cert-Chain`: those behind it (RFC 9440 section 2.3).
        case clientCertChain = "client_cert_chain"
        /// `X-Forwarded-Client-Cert`, as Envoy writes it: its hash, its subject and its names.
        case xfcc
    }

    public var mode = Mode.required
    /// Whose certificates are believed, with the lists of those that they have revoked.
    public var authorities: Authorities
    /// Lists of revoked certificates; nil where none are looked at.
    public var revoked: RevocationLists?
    /// A client's certificate must have one name that one of them is for; none for any.
    public var names: [ClientNamePattern] = []
    /// What origins are told, in this order.
    public var telling: [Telling] = [.clientCert]

    public init(_ authorities: Authorities) { self.authorities = authorities }
}

/// Lists of revoked certificates (RFC 5280 section 5). They are looked at together with the authorities, and held by them.
public struct RevocationLists: Sendable, Equatable {
    /// The file that they were read from.
    public var file: String
    /// How many there are.
    public var count: Int
    /// When the first of them must have been replaced by a newer one, in seconds since 1970; nil for never.
    public var nextUpdate: Int64?
    /// SHA-256 of them.
    public var digest: [UInt8]
    /// The newest list of each authority, by the authority.
    public var newest: [Newest]

    /// What a list says of itself.
    public struct Newest: Sendable, Equatable {
        /// The authority, as one line (RFC 4514).
        public var issuer: String
        /// When it was made, in seconds since 1970.
        public var thisUpdate: Int64
        /// When there must be a newer one; nil for never. From then on no certificate of the authority is good.
        public var nextUpdate: Int64?

        public init(issuer: String, thisUpdate: Int64, nextUpdate: Int64?) {
            self.issuer = issuer
            self.thisUpdate = thisUpdate
            self.nextUpdate = nextUpdate
        }
    }

    public init(file: String, count: Int, nextUpdate: Int64?, digest: [UInt8], newest: [Newest] = []) {
        self.file = file
        self.count = count
        self.nextUpdate = nextUpdate
        self.digest = digest
        self.newest = newest
    }
}

/// Which names of client certificates are meant: a whole name, or one with `*` at its one end.
///
/// `spiffe://example.org/ns/prod/*` is for all URIs that begin so, `*.clients.example.org` for the DNS names of one more
/// label, as certificates have it; anything else, an e-mail address or `CN=alice` among them, for itself.
public struct ClientNamePattern: Sendable, Hashable {
    /// As it was written.
    public let text: String
    private let kind: Kind

    /// As bytes: strings that are written with other characters can be equal (Unicode, canonical equivalence).
    private enum Kind: Sendable, Hashable {
        case whole([UInt8])
        case beginning([UInt8])
        /// With the dot.
        case ending([UInt8])
    }

    /// - Returns: nil where `*` stands in a place that means nothing.
    public init?(_ text: String) {
        self.text = text
        let stars = text.utf8.count { $0 == UInt8(ascii: "*") }
        let bytes = Array(Self.comparable(text).utf8)
        if stars == 0, !text.isEmpty {
            kind = .whole(bytes)
        } else if stars == 1, text.hasSuffix("/*"), text.contains("://"), !text.hasSuffix("://*"),
            !text.hasSuffix("///*")
        {
            kind = .beginning(Array(bytes.dropLast()))
        } else if stars == 1, text.hasPrefix("*."), text.count > 2, !text.contains("://"), !text.contains("@") {
            kind = .ending(Array(bytes.dropFirst()))
        } else {
            return nil
        }
    }

    /// Whether it is for a name, as `LinkIdentity` has it: DNS names in lower case, everything else as it stands.
    public func matches(_ name: String) -> Bool {
        let name = name.utf8
        switch kind {
        case .whole(let whole): return name.elementsEqual(whole)
        case .beginning(let beginning):
            guard name.count > beginning.count, name.starts(with: beginning) else { return false }
            // Whoever resolves those finds another place.
            return !name.split(separator: UInt8(ascii: "/")).contains {
                [".", ".."].contains(String(decoding: $0, as: UTF8.self).lowercased().replacing("%2e", with: "."))
            }
        case .ending(let ending):
            // A name of another kind is none of a server.
            guard name.suffix(ending.count).elementsEqual(ending), !name.contains(where: { ":=@/".utf8.contains($0) })
            else { return false }
            let label = name.dropLast(ending.count)
            return !label.isEmpty && !label.contains(UInt8(ascii: "."))
        }
    }

    /// Whether no certificate has a name for each of the two: both are for common names, of which one counts, or for SPIFFE
    /// identities, beside which a certificate may have no other (X509-SVID section 2).
    public func excludes(_ other: ClientNamePattern) -> Bool {
        guard let kind = kindOfOne, kind == other.kindOfOne else { return false }
        return switch (self.kind, other.kind) {
        case (.whole(let name), _): !other.matches(String(decoding: name, as: UTF8.self))
        case (_, .whole(let name)): !matches(String(decoding: name, as: UTF8.self))
        case (.beginning(let one), .beginning(let other)): !one.starts(with: other) && !other.starts(with: one)
        default: false
        }
    }

    /// A kind of names of which a certificate has one at most; nil for the others.
    private var kindOfOne: String? {
        ["cn=", "spiffe:"].first { text.lowercased().hasPrefix($0) }
    }

    /// DNS names are the same in capitals (RFC 4343); the others are not.
    private static func comparable(_ text: String) -> String {
        text.contains("://") || text.contains("@") || text.contains("=") ? text : text.lowercased()
    }
}

/// Whom a route lets in: clients whose certificate was verified, and has a name that is meant.
public struct ClientRequirement: Sendable, Equatable {
    /// None for any certificate that was verified.
    public var names: [ClientNamePattern]

    public init(names: [ClientNamePattern] = []) { self.names = names }

    /// - Parameter found: the names of the client's certificate; nil for a client that has shown none.
    public func admits(_ found: [String]?) -> Bool {
        guard let found else { return false }
        return names.areFor(anyOf: found)
    }
}

extension ClientCertificateRules {
    /// Whether a certificate with those names is one that is meant.
    public func accepts(_ found: [String]) -> Bool { names.areFor(anyOf: found) }
}

extension [ClientNamePattern] {
    /// Whether one of them is for one of the names; where there is none, for whatever names.
    fileprivate func areFor(anyOf found: [String]) -> Bool {
        isEmpty || found.contains { name in contains { $0.matches(name) } }
    }
}

extension ListenerTLS {
    /// What clients are asked for, by certificate: each rule once, in the order of the certificates; nil for nothing.
    public var policies: [ClientCertificateRules?] {
        var policies: [ClientCertificateRules?] = []
        for shown in certificates where !policies.contains(shown.clients) { policies.append(shown.clients) }
        return policies
    }

    /// Whether clients must show the same, for whatever name they ask.
    public static func asksAlike(_ one: ListenerTLS?, _ other: ListenerTLS?) -> Bool {
        guard one?.asksClients == true || other?.asksClients == true else { return true }
        guard let one, let other else { return false }
        let (before, after) = (CertificateNames(one), CertificateNames(other))
        var names = Set<String?>([nil])
        for name in (one.certificates + other.certificates).flatMap(\.names) {
            // A wildcard is looked up by a name that only it can be for.
            names.insert(name.hasPrefix("*.") ? "\u{1}" + name.dropFirst() : name)
        }
        let (rules, others) = (one.policies, other.policies)
        return names.allSatisfy { name in
            let (old, new) = (before.policy(for: name), after.policy(for: name))
            return old < 0 || new < 0 ? old == new : rules[old] == others[new]
        }
    }

    /// Whether any client is asked for a certificate.
    public var asksClients: Bool { certificates.contains { $0.clients != nil } }
}
