// The fields by which proxies and frameworks tell an origin who the client is or what it asked for, besides those that
// Apus writes itself. docs/design/0003-strictness.md says who believes which; docs/configuration.md has the list.

extension KnownField {
    /// Whether the name in `range` is one by which Apus tells origins of a client's certificate (RFC 9440, and Envoy's), in
    /// whatever spelling.
    static func isClientCertificate(_ bytes: Span<UInt8>, _ range: Range<Int>, first: UInt8) -> Bool {
        switch first {
        case 0x63: bytes.equalsFolded(range, "client-cert") || bytes.equalsFolded(range, "client-cert-chain")
        case 0x78: bytes.equalsFolded(range, "x-forwarded-client-cert")
        default: false
        }
    }

    /// Whether the name in `range` is one of those, in whatever spelling.
    ///
    /// `mayBeKnown` has their lengths.
    static func isClaim(_ bytes: Span<UInt8>, _ range: Range<Int>, first: UInt8) -> Bool {
        func named(_ text: StaticString) -> Bool { bytes.equalsFolded(range, text) }
        return switch first {
        case 0x63:
            named("client-ip") || named("cf-connecting-ip")
                || named("cf-connecting-ipv6") || named("cf-pseudo-ipv4") || named("cf-visitor")
                || named("cf-access-authenticated-user-email") || named("cf-access-jwt-assertion")
                || named("cloudfront-viewer-address") || named("cloudfront-forwarded-proto")
        case 0x66:
            named("forwarded-for") || named("fastly-client-ip") || named("fly-client-ip") || named("front-end-https")
                || named("fastly-ssl")
        case 0x68: named("https")
        case 0x70: named("proxy") || named("path-info") || named("proxy-client-ip")
        case 0x72: named("remote-user") || named("remote-addr")
        case 0x73:
            named("script-name") || bytes.startsFolded(range, "ssl-client-")
        case 0x74: named("true-client-ip") || bytes.startsFolded(range, "tailscale-user-")
        case 0x77: bytes.startsFolded(range, "wl-proxy-")
        case 0x78: range.count > 5 && isExtensionClaim(bytes, range)
        default: false
        }
    }

    /// Those that begin with `X-`.
    private static func isExtensionClaim(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        func named(_ text: StaticString) -> Bool { bytes.equalsFolded(range, text) }
        func begins(_ text: StaticString) -> Bool { bytes.startsFolded(range, text) }
        return switch bytes[range.lowerBound + 2] | 0x20 {
        case 0x61:
            begins("x-auth-request-") || begins("x-appengine-") || begins("x-amzn-oidc-") || begins("x-amzn-mtls-")
                || begins("x-arr-") || begins("x-azure-") || begins("x-authentik-") || begins("x-authenticated-")
        case 0x63:
            named("x-client-ip") || named("x-cluster-client-ip") || begins("x-client-cert")
                || begins("x-consumer-")
        case 0x65: begins("x-envoy-")
        case 0x66: begins("x-forwarded-") || named("x-forwarded")
        case 0x67: begins("x-goog-authenticated-user-") || begins("x-goog-iap-")
        case 0x68: named("x-host") || named("x-https")
        case 0x6d: begins("x-ms-client-principal") || begins("x-middleware-")
        case 0x6f:
            named("x-original-url") || named("x-original-uri") || named("x-original-host") || named("x-original-for")
                || named("x-original-proto") || named("x-original-prefix") || named("x-original-forwarded-for")
                || named("x-originating-ip")
        case 0x72: begins("x-remote-") || named("x-rewrite-url")
        case 0x73: named("x-scheme") || named("x-script-name") || begins("x-ssl-client-")
        case 0x75: named("x-url-scheme")
        case 0x76: begins("x-vouch-")
        case 0x77: begins("x-webauth-")
        default: false
        }
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes of `range` are `text`, a name in lower case, when both are folded.
    func equalsFolded(_ range: Range<Int>, _ text: StaticString) -> Bool {
        range.count == text.utf8CodeUnitCount && startsFolded(range, text)
    }

    /// Whether the bytes of `range` begin with `text`, a name in lower case, when both are folded.
    func startsFolded(_ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count >= text.utf8CodeUnitCount else { return false }
        for index in 0..<text.utf8CodeUnitCount {
            // A literal's bytes live for ever and the index is below their count.
            if folded(self[range.lowerBound &+ index]) != folded(unsafe text.utf8Start[index]) { return false }
        }
        return true
    }

    /// Whether the bytes of `range` are `name` when both are folded.
    @usableFromInline
    func isFoldedName(_ range: Range<Int>, _ name: Span<UInt8>) -> Bool {
        guard range.count == name.count else { return false }
        for index in 0..<range.count where folded(self[range.lowerBound &+ index]) != folded(name[index]) {
            return false
        }
        return true
    }
}

extension Span where Element == UInt8 {
    /// Whether a field's name has other characters than letters, digits and hyphens.
    func isOddName(_ name: Range<Int>) -> Bool {
        for index in name where folded(self[index]) == 0x2d && self[index] != 0x2d { return true }
        return false
    }
}

/// A byte of a field's name as CGI and WSGI see it: letters in one case, and one character for all that is neither a
/// letter nor a digit.
func folded(_ byte: UInt8) -> UInt8 {
    let lower = lowercased(byte)
    return lower &- 0x61 < 26 || isDigit(byte) ? lower : 0x2d
}
