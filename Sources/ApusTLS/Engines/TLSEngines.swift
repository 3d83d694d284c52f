import ApusModel
public import ApusTransport
internal import CNIOBoringSSL
import Glibc

/// The TLS engines of one event loop, by BoringSSL.
///
/// All share one BIO, which reads and writes `flow`: only one engine works at a time. A connection at rest has no buffers:
/// BoringSSL lets go of its own when they are empty, and of what the handshake needed when that is over.
@safe
public final class TLSEngines: LinkEngines {
    @safe
    private struct Slot {
        var ssl: OpaquePointer?
        /// Bytes that complete the record header, or the record, that has begun to come.
        var wanted: Int32
        var nextFree: Int32
        /// The peer has ended its direction, or broke the protocol, and that was not told yet.
        var isOver = false
        /// Who the client is, as far as it was verified, and by which of its listener's rules.
        var identity: LinkIdentity?
        var policy: Int32 = 0
        var record = RecordSize()
    }

    /// Room for the largest flight of a handshake, and for the records of one send.
    public static let usualCapacity = 192 << 10
    /// Plaintext of one record at most (RFC 8446 section 5.1), and what a record adds to it at most (section 5.2).
    static let recordCapacity = 16 << 10
    static let recordOverhead = 256 + 5

    public let flow: UnsafeMutablePointer<EngineFlow>
    private let sealed: UnsafeMutablePointer<UInt8>
    private let bio: OpaquePointer
    private var slots: [Slot] = []
    private var firstFree: Int32 = -1
    /// What engines are made from, by number. Engines keep what they were made from.
    private var contexts: [TLSContext?] = []
    /// What is kept of sessions, by the peers' numbers.
    private var keepers: [SessionKeeper?] = []
    /// What went wrong at last.
    public private(set) var failure = TLSFailure.none
    public private(set) var count = 0
    public var wake: (@Sendable (UInt64) -> Void)?

    /// - Parameter sealedCapacity: bytes of room for what is to be sent.
    public init(sealedCapacity: Int = usualCapacity) {
        unsafe sealed = .allocate(capacity: sealedCapacity)
        unsafe flow = .allocate(capacity: 1)
        unsafe flow.initialize(to: EngineFlow(sealed: sealed, capacity: sealedCapacity))
        guard let bio = unsafe BIO_new(FlowBIO.method) else { fatalError("no memory for a BIO") }
        unsafe self.bio = bio
        unsafe BIO_set_data(bio, flow)
        unsafe BIO_set_init(bio, 1)
    }

    deinit {
        for index in slots.indices { unsafe SSL_free(slots[index].ssl) }
        unsafe BIO_free(bio)
        unsafe flow.deallocate()
        unsafe sealed.deallocate()
    }

    public var fault: LinkFault { failure.fault }

    /// What engines are made from, and for whom, from now on, by number. Who is the same goes on being known.
    public func use(_ contexts: [TLSContext?], peers: [TLSPeer?] = []) {
        self.contexts = contexts
        var known: [TLSPeer: SessionKeeper] = [:]
        for keeper in keepers.lazy.compactMap(\.self) { known[keeper.peer] = keeper }
        keepers = peers.map { $0.map { known[$0] ?? SessionKeeper($0) } }
    }

    // MARK: - One link's

    public func make(from context: Int32, to peer: Int32) -> Int {
        guard Int(context) < contexts.count, let context = contexts[Int(context)],
            let ssl = unsafe SSL_new(context.pointer)
        else {
            return -Int(ENOMEM)
        }
        unsafe BIO_up_ref(bio)
        unsafe BIO_up_ref(bio)
        unsafe SSL_set0_rbio(ssl, bio)
        unsafe SSL_set0_wbio(ssl, bio)
        unsafe SSL_set_shed_handshake_config(ssl, 1)
        if context.isClient {
            unsafe SSL_set_connect_state(ssl)
            guard unsafe address(ssl, to: peer, context) else {
                // To nobody that is known: nothing could be verified.
                unsafe SSL_free(ssl)
                return -Int(EINVAL)
            }
        } else {
            unsafe SSL_set_accept_state(ssl)
        }
        return unsafe Int(take(ssl))
    }

    /// Says whom a connection is for.
    ///
    /// - Returns: whether that is known.
    private func address(_ ssl: OpaquePointer, to peer: Int32, _ context: TLSContext) -> Bool {
        guard peer >= 0, Int(peer) < keepers.count, let keeper = keepers[Int(peer)] else { return false }
        unsafe keeper.attach(to: ssl, context)
        let rules = unsafe SSL_get0_param(ssl)
        switch keeper.peer.identity {
        case .name(let name):
            unsafe SSL_set_tlsext_host_name(ssl, name)
            unsafe X509_VERIFY_PARAM_set_hostflags(
                rules, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
            guard unsafe X509_VERIFY_PARAM_set1_host(rules, name, name.utf8.count) == 1 else { return false }
        case .address(let address): unsafe X509_VERIFY_PARAM_set1_ip(rules, address, address.count)
        }
        return true
    }

    /// Whether a session from before was resumed.
    public func isResumed(_ engine: Int32) -> Bool { unsafe SSL_session_reused(slots[Int(engine)].ssl) == 1 }

    private func take(_ ssl: OpaquePointer) -> Int32 {
        count += 1
        let slot = unsafe Slot(ssl: ssl, wanted: 5, nextFree: -1)
        let free = firstFree
        guard free >= 0 else {
            slots.append(slot)
            return Int32(slots.count - 1)
        }
        firstFree = slots[Int(free)].nextFree
        slots[Int(free)] = slot
        return free
    }

    public func free(_ engine: Int32) {
        unsafe SSL_free(slots[Int(engine)].ssl)
        slots[Int(engine)] = unsafe Slot(ssl: nil, wanted: 0, nextFree: firstFree)
        firstFree = engine
        count -= 1
    }

    public func handshake(_ engine: Int32, waking token: UInt64) -> Int {
        let ssl = unsafe slots[Int(engine)].ssl
        let received = unsafe UnsafeBufferPointer(start: flow.pointee.received, count: flow.pointee.receivedCount)
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 { return identify(engine) }
        let outcome = outcome(engine, result)
        if outcome == -Int(EPROTO), case .brokeProtocol = failure, let alert = unsafe Self.plainAlert(in: received) {
            failure = .refused(alert: alert)
        }
        if outcome == -Int(EINPROGRESS), let wake, let signature = unsafe PendingSignature.awaited(by: ssl) {
            signature.whenThere { wake(token) }
        }
        // The peer has ended its direction before there was one.
        return outcome == 0 ? -Int(ECONNRESET) : outcome
    }

    /// A fatal alert in the clear, where records are sealed by then: so OpenSSL's clients of TLS 1.3 refuse a certificate. Nobody has
    /// to believe it; the handshake has failed, and this says why.
    private static func plainAlert(in received: UnsafeBufferPointer<UInt8>) -> UInt8? {
        var at = 0
        while at + 7 <= received.count {
            let length = unsafe Int(received[at + 3]) << 8 | Int(received[at + 4])
            if unsafe received[at] == UInt8(SSL3_RT_ALERT), length == 2, unsafe received[at + 5] == UInt8(SSL3_AL_FATAL)
            {
                return unsafe received[at + 6]
            }
            at += 5 + length
        }
        return nil
    }

    /// Notes who the client is that a handshake was made with.
    private func identify(_ engine: Int32) -> Int {
        let ssl = unsafe slots[Int(engine)].ssl
        guard unsafe SSL_is_server(ssl) == 1, let table = unsafe Greeting.of(ssl)?.table, table.asksClients else {
            return 0
        }
        let name = unsafe Greeting.name(asked: ssl)
        slots[Int(engine)].policy = Int32(table.policy(for: name))
        guard let policy = table.clients(for: name) else { return 0 }
        do throws(TLSFailure) {
            slots[Int(engine)].identity = try unsafe LinkIdentity.make(of: ssl, by: policy)
            return 0
        } catch {
            failure = error
            let alert = error == .badCertificate(.expired) ? SSL_AD_CERTIFICATE_EXPIRED : SSL_AD_BAD_CERTIFICATE
            unsafe SSL_send_fatal_alert(ssl, UInt8(alert))
            return -Int(EPROTO)
        }
    }

    public func identity(_ engine: Int32) -> LinkIdentity? { slots[Int(engine)].identity }

    public func terms(_ engine: Int32) -> LinkTerms {
        let ssl = unsafe slots[Int(engine)].ssl
        let cipher = unsafe SSL_CIPHER_get_name(SSL_get_current_cipher(ssl)).map { unsafe String(cString: $0) }
        return unsafe LinkTerms(
            serverName: Greeting.name(asked: ssl), version: String(cString: SSL_get_version(ssl)), cipher: cipher ?? "")
    }

    public func isOfTLS12(_ engine: Int32) -> Bool {
        unsafe Int32(SSL_version(slots[Int(engine)].ssl)) == TLS1_2_VERSION
    }

    /// SHA-256 of the certificate that the peer has shown; nil for none.
    func peerFingerprint(_ engine: Int32) -> [UInt8]? {
        unsafe PeerChain(of: slots[Int(engine)].ssl).certificates.first.map(sha256)
    }

    public func claim(_ engine: Int32) -> LinkClaim {
        let ssl = unsafe slots[Int(engine)].ssl
        return unsafe LinkClaim(serverName: Greeting.name(asked: ssl), certificate: LinkIdentity.claimed(in: ssl))
    }

    public func policy(_ engine: Int32) -> Int { Int(slots[Int(engine)].policy) }

    public func policy(_ engine: Int32, ofHost name: String?) -> Int {
        let ssl = unsafe slots[Int(engine)].ssl
        guard let table = unsafe Greeting.of(ssl)?.table, table.asksClients else { return 0 }
        return table.policy(ofHost: name)
    }

    public func appetite(_ engine: Int32, room: Int) -> Int {
        // Of a record that has come in part BoringSSL keeps what came, so that more may be opened than is received now.
        let surely = room - Self.recordCapacity - Self.recordOverhead
        return max(surely, Int(slots[Int(engine)].wanted))
    }

    public func open(_ engine: Int32, into bytes: UnsafeMutableRawPointer, room: Int) -> Int {
        let ssl = unsafe slots[Int(engine)].ssl
        var opened = 0
        while opened < room {
            let result = unsafe SSL_read(ssl, bytes + opened, Int32(room - opened))
            guard result > 0 else {
                let outcome = outcome(engine, result)
                slots[Int(engine)].isOver = outcome != -Int(EAGAIN)
                if opened > 0 { break }
                return outcome
            }
            opened += Int(result)
            if unsafe flow.pointee.receivedCount == 0, unsafe SSL_pending(ssl) == 0 { break }
        }
        noteWanted(engine)
        return opened
    }

    public func seal(_ engine: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        let ssl = unsafe slots[Int(engine)].ssl
        var taken = 0
        var record = slots[Int(engine)].record
        record.begin(at: RecordSize.now())
        defer { slots[Int(engine)].record = record }
        while taken < count {
            let piece = min(count - taken, record.next)
            let room = unsafe flow.pointee.sealedCapacity - flow.pointee.sealedCount
            guard room >= piece + 2 * Self.recordOverhead else { break }
            let result = unsafe SSL_write(ssl, bytes + taken, Int32(piece))
            guard result > 0 else { return taken > 0 ? taken : outcome(engine, result) }
            taken += Int(result)
            record.took(result)
        }
        return taken
    }

    public func finish(_ engine: Int32) {
        let ssl = unsafe slots[Int(engine)].ssl
        if unsafe SSL_in_init(ssl) != 0 { return }
        _ = unsafe SSL_shutdown(ssl)
    }

    public func hasMore(_ engine: Int32) -> Bool { slots[Int(engine)].isOver }

    public func hasEnded(_ engine: Int32) -> Bool {
        let ssl = unsafe slots[Int(engine)].ssl
        return unsafe SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0
            && SSL_pending(ssl) == 0
    }

    // MARK: - What came of it

    private func noteWanted(_ engine: Int32) {
        let wanted = unsafe flow.pointee.wanted
        slots[Int(engine)].wanted = Int32(max(wanted, 5))
        unsafe flow.pointee.wanted = 0
    }

    private func outcome(_ engine: Int32, _ result: Int32) -> Int {
        let ssl = unsafe slots[Int(engine)].ssl
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ:
            noteWanted(engine)
            return -Int(EAGAIN)
        case SSL_ERROR_WANT_PRIVATE_KEY_OPERATION: return -Int(EINPROGRESS)
        case SSL_ERROR_ZERO_RETURN: return 0
        default:
            failure = unsafe TLSFailure(of: ssl)
            return failure == .noMemory ? -Int(ENOMEM) : -Int(EPROTO)
        }
    }
}
