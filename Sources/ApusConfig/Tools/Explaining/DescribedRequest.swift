public import ApusAddresses
import ApusHTTP
import ApusModel

/// A request in the words of whoever asks what would become of it.
public struct DescribedRequest: Sendable, Equatable {
    public var method: String
    /// `https://api.example.com/v1/x?q=1`, or a path alone.
    public var url: String
    public var headers: [Header]
    /// Who connects.
    public var client: IPAddress
    /// The name or the address of the listener; nil for the one that the URL's port says, or else the first.
    public var listener: String?
    /// The names in the certificate that the client shows; none for a certificate without, nil for no certificate.
    public var clientCertificate: [String]?

    public struct Header: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        /// Reads `Name: value`; nil without a colon.
        public init?(_ text: String) {
            guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return nil }
            name = String(text[..<colon])
            value = String(text[text.index(after: colon)...].drop { $0 == " " })
        }
    }

    public init(
        method: String, url: String, headers: [Header] = [], client: IPAddress = .loopback, listener: String? = nil,
        clientCertificate: [String]? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.client = client
        self.listener = listener
        self.clientCertificate = clientCertificate
    }
}

extension IPAddress {
    /// 127.0.0.1, whom requests come from that say nothing else.
    public static var loopback: IPAddress { IPAddress(ipv4: 0x7f00_0001) }
}

extension DescribedRequest {
    /// The parts of a URL.
    struct Parts {
        /// Empty for a path alone.
        var authority: String
        var port: UInt16?
        /// Path and query, at least `/`.
        var target: String
        /// Nil for a path alone.
        var isSecure: Bool?

        /// The host alone, without a port.
        var host: String {
            if authority.hasPrefix("[") { return String(authority.dropFirst().prefix { $0 != "]" }) }
            return String(authority.prefix { $0 != ":" })
        }

        /// The name that a handshake asks for; nil for an address, which is none (RFC 6066 section 3).
        var serverName: String? { host.isEmpty || IPAddress(host) != nil ? nil : host }
    }

    /// Nil when the URL is neither absolute nor a path.
    var parts: Parts? {
        // A fragment never leaves the client.
        let url = self.url.prefix { $0 != "#" }
        if url.hasPrefix("/") || url == "*" { return Parts(authority: "", target: String(url)) }
        for (scheme, usual) in [("http", 80), ("https", 443)] as [(String, UInt16)] {
            guard url.lowercased().hasPrefix(scheme + "://") else { continue }
            let rest = url.dropFirst(scheme.count + 3)
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            let target = rest[authority.endIndex...]
            let port = authority.lastIndex(of: ":").flatMap { UInt16(authority[authority.index(after: $0)...]) }
            guard !authority.isEmpty else { return nil }
            return Parts(
                authority: String(authority), port: port ?? usual,
                target: target.hasPrefix("/") ? String(target) : "/" + target, isSecure: scheme == "https")
        }
        return nil
    }

    /// The bytes that a client would send.
    func head(_ parts: Parts, ownAddress: String) -> [UInt8] {
        var lines = ["\(method) \(parts.target) HTTP/1.1"]
        if !headers.contains(where: { $0.name.lowercased() == "host" }) {
            lines.append("Host: \(parts.authority.isEmpty ? ownAddress : parts.authority)")
        }
        lines += headers.map { "\($0.name): \($0.value)" }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }
}
