import ApusModel
import ApusTransport
internal import CNIOBoringSSL
import Glibc

/// Who a client is whose certificate was verified, and how origins are told.
extension LinkIdentity {
    /// - Returns: nil for a client that has shown none.
    /// - Throws: `badCertificate` when what was good when the session was made is not any more.
    static func make(of ssl: OpaquePointer?, by policy: ClientPolicy) throws(TLSFailure) -> LinkIdentity? {
        let chain = unsafe PeerChain(of: ssl)
        guard let leaf = chain.certificates.first else { return nil }
        let parsed: ParsedCertificate
        do throws(TLSCertificateError) {
            parsed = try ParsedCertificate(leaf)
        } catch {
            throw .badCertificate(.bad)
        }
        guard Int64(time(nil)) <= parsed.notAfter else { throw .badCertificate(.expired) }
        let names = ClientNames(parsed)
        let subject = parsed.subject
        var lines: [UInt8] = []
        for telling in policy.rules.telling {
            switch telling {
            case .clientCert: lines += Array("Client-Cert: \(structured(leaf))\r\n".utf8)
            case .clientCertChain:
                let others = chain.certificates.dropFirst().map(structured)
                if !others.isEmpty { lines += Array("Client-Cert-Chain: \(others.joined(separator: ", "))\r\n".utf8) }
            case .xfcc: lines += Array("X-Forwarded-Client-Cert: \(element(leaf, subject, parsed))\r\n".utf8)
            }
        }
        // What is told of a client must leave room for its request.
        guard lines.count <= mostBytes else { throw .badCertificate(.bad) }
        return LinkIdentity(names: names.all, name: names.all.first ?? subject, lines: lines)
    }

    /// Who a client says it is by its certificate, whoever has signed that; nil for one that has shown none that can be read.
    static func claimed(in ssl: OpaquePointer?) -> String? {
        guard let leaf = unsafe PeerChain(of: ssl).certificates.first, let parsed = try? ParsedCertificate(leaf) else {
            return nil
        }
        return ClientNames(parsed).all.first ?? parsed.subject
    }

    /// Bytes of the lines at most: with the largest head that is read (64 KiB) and what routes add, less than is sent at once.
    private static let mostBytes = 48 << 10

    /// A byte sequence of a structured field (RFC 8941 section 3.3.5).
    private static func structured(_ bytes: [UInt8]) -> String { ":\(base64(bytes)):" }

    /// One element of X-Forwarded-Client-Cert, as Envoy's documentation has it.
    private static func element(_ leaf: [UInt8], _ subject: String, _ parsed: borrowing ParsedCertificate) -> String {
        let hash = sha256(leaf).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        var parts = ["Hash=\(hash)"]
        // Quotes in it are escaped as RFC 2253 has it, which is the same here.
        parts.append("Subject=\"\(subject)\"")
        parts += parsed.uris.map { "URI=\(quotedIfNeeded($0))" } + parsed.names.map { "DNS=\(quotedIfNeeded($0))" }
        return parts.joined(separator: ";")
    }

    private static func quotedIfNeeded(_ text: String) -> String {
        guard text.contains(where: { ",;=\"\\".contains($0) }) else { return text }
        let escaped = text.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        return "\"\(String(escaped))\""
    }
}

/// The certificates that a peer has shown, its own first.
struct PeerChain {
    let certificates: [[UInt8]]

    init(of ssl: OpaquePointer?) {
        guard let stack = unsafe SSL_get0_peer_certificates(ssl) else {
            certificates = []
            return
        }
        let count = unsafe sk_CRYPTO_BUFFER_num(stack)
        certificates = (0..<count).map { index in
            let buffer = unsafe sk_CRYPTO_BUFFER_value(stack, index)
            return unsafe Array(
                UnsafeBufferPointer(start: CRYPTO_BUFFER_data(buffer), count: CRYPTO_BUFFER_len(buffer)))
        }
    }
}

/// RFC 4648 section 4.
func base64(_ bytes: [UInt8]) -> String {
    var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
    let count = unsafe EVP_EncodeBlock(&text, bytes, bytes.count)
    return String(decoding: text.prefix(Int(count)), as: UTF8.self)
}
