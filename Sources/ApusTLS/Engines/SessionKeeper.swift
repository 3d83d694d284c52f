internal import CNIOBoringSSL

/// The latest session with one origin, to be resumed by the next connection to it. Of one event loop.
@safe
final class SessionKeeper {
    let peer: TLSPeer
    private var session: OpaquePointer?
    /// What it was made from: whoever asks for more than it did begins from the start.
    private var context: TLSContext?

    init(_ peer: TLSPeer) { self.peer = peer }

    deinit { unsafe SSL_SESSION_free(session) }

    /// Has a connection resume the session, if there is one, and give its own.
    func attach(to ssl: OpaquePointer, _ context: TLSContext) {
        if self.context !== context {
            self.context = context
            unsafe replace(with: nil)
        }
        unsafe SSL_set_ex_data(ssl, Self.place, Unmanaged.passRetained(self).toOpaque())
        if let session = unsafe session { unsafe SSL_set_session(ssl, session) }
    }

    /// An origin has given a session that may be resumed.
    ///
    /// - Returns: 1 when it was kept.
    static func keep(_ session: OpaquePointer?, of ssl: OpaquePointer?) -> Int32 {
        guard let session = unsafe session, let found = unsafe SSL_get_ex_data(ssl, place) else { return 0 }
        let keeper = unsafe Unmanaged<SessionKeeper>.fromOpaque(found).takeUnretainedValue()
        // A connection of before a reload that changed whom to believe.
        guard let context = keeper.context, unsafe SSL_get_SSL_CTX(ssl) == context.pointer else { return 0 }
        unsafe keeper.replace(with: session)
        return 1
    }

    private func replace(with new: OpaquePointer?) {
        unsafe SSL_SESSION_free(session)
        unsafe session = new
    }

    /// Where a connection has it.
    private static let place = unsafe SSL_get_ex_new_index(
        0, nil, nil, nil,
        { _, found, _, _, _, _ in
            if let found = unsafe found { unsafe Unmanaged<SessionKeeper>.fromOpaque(found).release() }
        })
}
