/// Why a TLS handshake failed.
public enum HandshakeFault: Sendable, Hashable {
    /// The peer's certificate is not good.
    case certificate(CertificateFault)
    /// The peer refused, with this alert (RFC 8446 section 6.2).
    case refused(alert: UInt8)
    /// No version, cipher, group or signature algorithm that both sides want.
    case nothingInCommon
    /// The client asked for a name that none of the certificates is for, or for a protocol (ALPN) that is not spoken.
    case unknownName, unknownProtocol
    /// The peer's first bytes are a request in plain HTTP.
    case plainHTTP
    /// The peer's first bytes are a header of the PROXY protocol, which nobody expects of it.
    case proxyHeader
    /// The peer's first bytes are no TLS.
    case noTLS
    /// The peer broke the protocol.
    case broken
    /// The peer closed the connection.
    case left
}

extension HandshakeFault {
    /// Whether a peer says so of the certificate that it was shown, or not shown: in TLS 1.3 it may when the handshake is over on
    /// the other side (RFC 8446 section 4.4.2).
    public var isOfCertificates: Bool {
        guard case .refused(let alert) = self else { return false }
        return [42, 43, 44, 45, 46, 48, 49, 116].contains(alert)
    }

    /// What of it is counted apart, by its name in metrics.
    public enum Kind: String, Sendable, CaseIterable {
        case certificateMissing = "certificate_missing"
        case certificateExpired = "certificate_expired"
        case certificateRevoked = "certificate_revoked"
        case certificateOfUnknownIssuer = "certificate_unknown_issuer"
        case certificateForAnotherName = "certificate_other_name"
        /// Nobody's certificate is good while there is no current list.
        case revocationListOutdated = "revocation_list_outdated"
        case badCertificate = "certificate_bad"
        case nothingInCommon = "nothing_in_common"
        case unknownName = "unknown_name"
        case unknownProtocol = "unknown_protocol"
        /// The client has refused what it was shown.
        case refusedByClient = "refused_by_client"
        case noTLS = "no_tls"
        case broken

        var index: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    public var kind: Kind {
        switch self {
        case .certificate(.missing): .certificateMissing
        case .certificate(.expired): .certificateExpired
        case .certificate(.revoked): .certificateRevoked
        case .certificate(.unknownIssuer): .certificateOfUnknownIssuer
        case .certificate(.wrongName): .certificateForAnotherName
        case .certificate(.noRevocationList): .revocationListOutdated
        case .certificate(.notYetValid), .certificate(.wrongPurpose), .certificate(.bad): .badCertificate
        case .nothingInCommon: .nothingInCommon
        case .unknownName: .unknownName
        case .unknownProtocol: .unknownProtocol
        case .refused: .refusedByClient
        case .plainHTTP, .proxyHeader, .noTLS: .noTLS
        case .broken, .left: .broken
        }
    }
}

/// Why a peer's certificate is not good.
public enum CertificateFault: UInt8, Sendable, CaseIterable {
    case expired, notYetValid, unknownIssuer, wrongName, revoked
    /// It is for something else than what it was shown for.
    case wrongPurpose
    /// There is no list that says whether it was revoked, or an old one.
    case noRevocationList
    case missing, bad
}

extension HandshakeFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .certificate(let fault): "\(fault)"
        case .refused(let alert): "the peer refused the handshake (\(Self.words(ofAlert: alert)))"
        case .nothingInCommon: "no version, cipher or group of TLS in common"
        case .unknownName: "no certificate for the name that was asked for, and `strict` is on"
        case .unknownProtocol: "no protocol in common (ALPN): only HTTP/1.1 is spoken"
        case .plainHTTP: "plain HTTP where TLS was expected"
        case .proxyHeader: "a header of the PROXY protocol, and the peer is none of the listener's `proxy_protocol`"
        case .noTLS: "no TLS"
        case .broken: "a broken handshake"
        case .left: "the peer closed the connection"
        }
    }

    /// What an alert is called (RFC 8446 section 6).
    static func words(ofAlert alert: UInt8) -> String {
        switch alert {
        case 10: "unexpected message"
        case 20: "bad record"
        case 40: "handshake failure"
        case 42: "bad certificate"
        case 43: "unsupported certificate"
        case 44: "certificate revoked"
        case 45: "certificate expired"
        case 46: "certificate unknown"
        case 47: "illegal parameter"
        case 48: "unknown authority"
        case 49: "access denied"
        case 50: "decode error"
        case 51: "decrypt error"
        case 70: "protocol version"
        case 71: "insufficient security"
        case 80: "internal error"
        case 86: "inappropriate fallback"
        case 109: "missing extension"
        case 112: "unrecognized name"
        case 116: "certificate required"
        case 120: "no application protocol"
        default: "alert \(alert)"
        }
    }
}

extension CertificateFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .expired: "certificate expired"
        case .notYetValid: "certificate not valid yet"
        case .unknownIssuer: "certificate of an unknown issuer"
        case .wrongName: "certificate for another name"
        case .revoked: "certificate revoked"
        case .wrongPurpose: "certificate for another purpose"
        case .noRevocationList: "no current list of revoked certificates"
        case .missing: "no certificate"
        case .bad: "bad certificate"
        }
    }
}
