import ApusModel
internal import CNIOBoringSSL

/// What engines are made from: versions, groups, certificates, and whom to believe. Shared by all loops, and unchanged once
/// it is used. Engines keep what they were made from.
@safe
public final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer
    let isClient: Bool

    /// For connections of clients.
    ///
    /// - Parameter tickets: the keys that sessions are resumed with; nil where none are.
    init(
        showing table: CertificateTable, _ rules: TLSRules = TLSRules(), tickets: TicketKeys? = nil
    ) throws(TLSFailure) {
        unsafe pointer = try Self.make(rules)
        isClient = false
        unsafe Greeting(table: table, tickets: tickets).attach(to: pointer)
        unsafe SSL_CTX_set_select_certificate_cb(pointer) { unsafe Greeting.selectCertificate($0) }
        // Where every name is shown something, nothing is looked up a second time.
        if table.certificates(for: nil).isEmpty {
            unsafe SSL_CTX_set_tlsext_servername_callback(pointer) { ssl, alert, _ in
                unsafe Greeting.refuseUnknownNames(ssl, alert)
            }
        }
        unsafe SSL_CTX_set_alpn_select_cb(
            pointer,
            { _, chosen, count, offered, length, _ in
                unsafe Greeting.selectProtocol(chosen, count, offered, length)
            }, nil)
        if tickets == nil {
            unsafe SSL_CTX_set_options(pointer, UInt32(SSL_OP_NO_TICKET))
        } else {
            unsafe SSL_CTX_set_ticket_aead_method(pointer, Greeting.ticketMethod)
        }
        // By the order of the rules: groups of TLS 1.3 as well.
        unsafe SSL_CTX_set_options(pointer, UInt32(SSL_OP_CIPHER_SERVER_PREFERENCE))
        // A session is in its ticket, and nowhere else.
        unsafe SSL_CTX_set_session_cache_mode(pointer, SSL_SESS_CACHE_OFF)
        unsafe SSL_CTX_set_session_id_context(pointer, Array("apus".utf8), 4)
        unsafe SSL_CTX_set_max_cert_list(pointer, rules.peerChainBytes)
    }

    /// For connections to origins.
    ///
    /// - Parameters:
    ///   - trust: whose certificates are believed; nil for anybody's, whatever they say.
    ///   - certificate: what is shown to an origin that asks for it.
    ///   - protocols: what is offered (ALPN), the preferred first.
    public init(
        asClient rules: TLSRules, trusting trust: TrustStore?, showing certificate: TLSCertificate? = nil,
        protocols: [String] = ["http/1.1"]
    ) throws(TLSFailure) {
        unsafe pointer = try Self.make(rules)
        isClient = true
        if let trust {
            unsafe SSL_CTX_set1_verify_cert_store(pointer, trust.pointer)
            unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        } else {
            unsafe SSL_CTX_set_verify(pointer, SSL_VERIFY_NONE, nil)
        }
        if let certificate { unsafe SSL_CTX_add1_credential(pointer, certificate.credential(at: .max)) }
        let offered = protocols.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8) }
        if !offered.isEmpty { unsafe SSL_CTX_set_alpn_protos(pointer, offered, offered.count) }
        unsafe SSL_CTX_set_session_cache_mode(pointer, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL)
        unsafe SSL_CTX_sess_set_new_cb(pointer) { ssl, session in unsafe SessionKeeper.keep(session, of: ssl) }
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    private static func make(_ rules: TLSRules) throws(TLSFailure) -> OpaquePointer {
        guard let pointer = unsafe SSL_CTX_new(TLS_method()) else { throw .noMemory }
        unsafe SSL_CTX_set_min_proto_version(pointer, rules.minimum.number)
        unsafe SSL_CTX_set_max_proto_version(pointer, rules.maximum.number)
        unsafe SSL_CTX_set_timeout(pointer, TLSRules.sessionSeconds)
        unsafe SSL_CTX_set_session_psk_dhe_timeout(pointer, TLSRules.sessionSeconds)
        let groups = rules.groups.map(\.number)
        let areSet =
            unsafe SSL_CTX_set1_group_ids(pointer, groups, groups.count) == 1
            && SSL_CTX_set_verify_algorithm_prefs(pointer, rules.peerAlgorithms, rules.peerAlgorithms.count) == 1
            && SSL_CTX_set_strict_cipher_list(pointer, TLSCipher.list(rules.ciphers)) == 1
        guard areSet else {
            unsafe SSL_CTX_free(pointer)
            throw .brokeProtocol(BoringError.take())
        }
        return unsafe pointer
    }
}
