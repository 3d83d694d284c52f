internal import CNIOBoringSSL
import Synchronization

/// The signature that a handshake waits for, and who is to be told when it is there.
final class PendingSignature: Sendable {
    private struct State {
        /// Whether the signer has answered; and with what.
        var isAnswered = false
        var signature: [UInt8]?
        var waiting: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// The signer has answered.
    func answer(_ signature: [UInt8]?) {
        let waiting = state.withLock { state -> (@Sendable () -> Void)? in
            guard !state.isAnswered else { return nil }
            (state.isAnswered, state.signature) = (true, signature)
            defer { state.waiting = nil }
            return state.waiting
        }
        waiting?()
    }

    /// Has somebody told of the answer: at once where it is there.
    func whenThere(_ tell: @escaping @Sendable () -> Void) {
        let isThere = state.withLock { state in
            if !state.isAnswered { state.waiting = tell }
            return state.isAnswered
        }
        if isThere { tell() }
    }

    private func write(
        to bytes: UnsafeMutablePointer<UInt8>?, _ count: UnsafeMutablePointer<Int>?, atMost room: Int
    ) -> ssl_private_key_result_t {
        state.withLock { state in
            guard state.isAnswered else { return ssl_private_key_retry }
            guard let signature = state.signature, signature.count <= room, let bytes = unsafe bytes else {
                return ssl_private_key_failure
            }
            unsafe bytes.update(from: signature, count: signature.count)
            unsafe count?.pointee = signature.count
            return ssl_private_key_success
        }
    }
}

extension PendingSignature {
    /// Where a connection has it.
    private static let place = unsafe SSL_get_ex_new_index(
        0, nil, nil, nil,
        { _, found, _, _, _, _ in
            if let found = unsafe found { unsafe Unmanaged<PendingSignature>.fromOpaque(found).release() }
        })

    /// That which a connection waits for; nil for none.
    static func awaited(by ssl: OpaquePointer?) -> PendingSignature? {
        guard let found = unsafe SSL_get_ex_data(ssl, place) else { return nil }
        return unsafe Unmanaged<PendingSignature>.fromOpaque(found).takeUnretainedValue()
    }

    private static func put(_ signature: PendingSignature?, at ssl: OpaquePointer?) {
        if let before = unsafe SSL_get_ex_data(ssl, place) {
            unsafe Unmanaged<PendingSignature>.fromOpaque(before).release()
        }
        unsafe SSL_set_ex_data(ssl, place, signature.map { unsafe Unmanaged.passRetained($0).toOpaque() })
    }

    /// How BoringSSL has a signer sign. Made once, and never freed.
    nonisolated(unsafe) static let method: UnsafePointer<SSL_PRIVATE_KEY_METHOD> = {
        let method = UnsafeMutablePointer<SSL_PRIVATE_KEY_METHOD>.allocate(capacity: 1)
        unsafe method.initialize(
            to: SSL_PRIVATE_KEY_METHOD(
                sign: { ssl, bytes, count, room, algorithm, message, length in
                    let text = unsafe Array(UnsafeBufferPointer(start: message, count: length))
                    return unsafe begin(ssl, text, algorithm, bytes, count, room)
                },
                // Only key exchanges without forward secrecy decrypt: there are none.
                decrypt: { _, _, _, _, _, _ in ssl_private_key_failure },
                complete: { ssl, bytes, count, room in unsafe complete(ssl, bytes, count, room) }))
        return unsafe UnsafePointer(method)
    }()

    private static func begin(
        _ ssl: OpaquePointer?, _ message: [UInt8], _ algorithm: UInt16, _ bytes: UnsafeMutablePointer<UInt8>?,
        _ count: UnsafeMutablePointer<Int>?, _ room: Int
    ) -> ssl_private_key_result_t {
        guard let signer = unsafe CredentialSigner.of(SSL_get0_selected_credential(ssl)) else {
            return ssl_private_key_failure
        }
        let pending = PendingSignature()
        unsafe put(pending, at: ssl)
        signer.sign(message, by: algorithm) { pending.answer($0) }
        return unsafe complete(ssl, bytes, count, room)
    }

    private static func complete(
        _ ssl: OpaquePointer?, _ bytes: UnsafeMutablePointer<UInt8>?, _ count: UnsafeMutablePointer<Int>?, _ room: Int
    ) -> ssl_private_key_result_t {
        guard let pending = unsafe awaited(by: ssl) else { return ssl_private_key_failure }
        let result = unsafe pending.write(to: bytes, count, atMost: room)
        if result != ssl_private_key_retry { unsafe put(nil, at: ssl) }
        return result
    }
}

/// Whom a credential is signed for by.
final class CredentialSigner {
    private let signer: any TLSSigner

    private init(_ signer: any TLSSigner) { self.signer = signer }

    private static let place = unsafe SSL_CREDENTIAL_get_ex_new_index(
        0, nil, nil, nil,
        { _, found, _, _, _, _ in
            if let found = unsafe found { unsafe Unmanaged<CredentialSigner>.fromOpaque(found).release() }
        })

    /// Has a credential signed for.
    ///
    /// - Returns: whether there was memory for it.
    static func set(_ signer: any TLSSigner, of credential: OpaquePointer) -> Bool {
        let held = unsafe Unmanaged.passRetained(CredentialSigner(signer))
        guard unsafe SSL_CREDENTIAL_set_ex_data(credential, place, held.toOpaque()) == 1 else {
            unsafe held.release()
            return false
        }
        return unsafe SSL_CREDENTIAL_set_private_key_method(credential, PendingSignature.method) == 1
    }

    static func of(_ credential: OpaquePointer?) -> (any TLSSigner)? {
        guard let credential = unsafe credential,
            let found = unsafe SSL_CREDENTIAL_get_ex_data(credential, place)
        else { return nil }
        return unsafe Unmanaged<CredentialSigner>.fromOpaque(found).takeUnretainedValue().signer
    }
}
