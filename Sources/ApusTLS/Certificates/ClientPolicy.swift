import ApusModel
internal import CNIOBoringSSL
import Glibc

/// What some of a listener's clients must show, ready for handshakes.
final class ClientPolicy: Sendable {
    let rules: ClientCertificateRules
    private let store: TrustStore
    private let digest: [UInt8]

    /// - Throws: `unusable` where the authorities are not of this module's making: nobody could be verified.
    init(_ rules: ClientCertificateRules) throws(TLSFailure) {
        guard let store = rules.authorities.held as? TrustStore else { throw .unusable }
        self.rules = rules
        self.store = store
        let words = [rules.mode.rawValue] + rules.names.map(\.text)
        digest = sha256(
            rules.authorities.digest + (rules.revoked?.digest ?? []) + Array(words.joined(separator: "\n").utf8))
    }

    /// What a session is good for that was made by these rules: a client that has shown its certificate to others, or when a list
    /// of revoked ones was still current, begins from the start.
    var sessionBound: [UInt8] {
        guard let nextUpdate = rules.revoked?.nextUpdate else { return digest }
        return digest + [Int64(time(nil)) > nextUpdate ? 1 : 0]
    }

    /// Has a handshake ask for a certificate.
    func apply(to ssl: OpaquePointer) {
        guard rules.mode != .off else { return }
        let mode = rules.mode == .required ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
        unsafe SSL_set_verify(ssl, mode) { isGood, context in unsafe ClientPolicy.judge(isGood, context) }
        unsafe SSL_set1_verify_cert_store(ssl, store.pointer)
        unsafe SSL_set_client_CA_list(ssl, SSL_dup_CA_list(store.names))
    }

    /// Looks at the names of a certificate that is good by itself.
    private static func judge(_ isGood: Int32, _ context: OpaquePointer?) -> Int32 {
        guard isGood == 1, unsafe X509_STORE_CTX_get_error_depth(context) == 0 else { return isGood }
        let found = unsafe X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx())
        guard let ssl = unsafe found.map({ OpaquePointer($0) }), let greeting = unsafe Greeting.of(ssl),
            let certificate = unsafe X509_STORE_CTX_get0_cert(context),
            let policy = unsafe greeting.table.clients(for: Greeting.name(asked: ssl))
        else { return 0 }
        let names = unsafe ClientNames(ParsedCertificate(certificate))
        guard names.areGood else {
            unsafe X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION)
            return 0
        }
        guard policy.rules.accepts(names.all) else {
            unsafe X509_STORE_CTX_set_error(context, X509_V_ERR_HOSTNAME_MISMATCH)
            return 0
        }
        return 1
    }
}

/// The names of a client's certificate, as rules and logs have them.
struct ClientNames {
    /// URIs, DNS names, e-mail addresses, and the common name as `CN=name`.
    let all: [String]
    /// Whether they are names that nobody can misread: no byte that ends a name for some, and of a SPIFFE identity that alone
    /// (X509-SVID section 2).
    let areGood: Bool

    init(_ certificate: borrowing ParsedCertificate) {
        let uris = certificate.uris.filter(Self.hasScheme)
        let mails = certificate.mails.filter { mail in
            // Nothing that another kind of name could be.
            mail.contains("@") && !mail.contains(":") && !mail.hasPrefix("CN=")
        }
        let spiffe = certificate.uris.count { $0.lowercased().hasPrefix("spiffe:") }
        areGood = !certificate.hasOddNames && (spiffe == 0 || certificate.uris.count == 1)
        all = uris + certificate.names + mails + (certificate.commonName.map { ["CN=\($0)"] } ?? [])
    }

    /// Whether it is a URI with a scheme (RFC 3986 section 3.1), and so nothing that another kind of name could be.
    private static func hasScheme(_ uri: String) -> Bool {
        guard let colon = uri.utf8.firstIndex(of: UInt8(ascii: ":")), colon > uri.utf8.startIndex else { return false }
        return uri.utf8[..<colon].allSatisfy { byte in
            (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 10 || byte == 0x2b || byte == 0x2d || byte == 0x2e
        }
    }
}
