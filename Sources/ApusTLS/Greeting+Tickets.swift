internal import CNIOBoringSSL

/// Session tickets, by the keys.
extension Greeting {
    /// Lives as long as the process.
    nonisolated(unsafe) static let ticketMethod: UnsafeMutablePointer<SSL_TICKET_AEAD_METHOD> = {
        let method = UnsafeMutablePointer<SSL_TICKET_AEAD_METHOD>.allocate(capacity: 1)
        unsafe method.initialize(
            to: SSL_TICKET_AEAD_METHOD(
                max_overhead: { _ in TicketKeys.overhead },
                seal: { unsafe Greeting.sealTicket($0, $1, $2, $3, $4, $5) },
                open: { unsafe Greeting.openTicket($0, $1, $2, $3, $4, $5) }))
        return unsafe method
    }()

    /// What a ticket is good for: the certificates that the client would be shown, and what it would be asked for itself. Whoever
    /// leads a client to another listener, or asks for another name, must not have a session resumed that was verified for this
    /// one. In TLS 1.2 that holds for any other name, whatever certificate it has (RFC 6066 section 3).
    private static func bound(_ ssl: OpaquePointer?) -> [UInt8] {
        guard let greeting = unsafe of(ssl) else { return [] }
        let name = unsafe name(asked: ssl)
        let shown = greeting.table.certificates(for: name).flatMap(\.digest)
        let older = unsafe Int32(SSL_version(ssl)) == TLS1_2_VERSION ? Array((name ?? "").lowercased().utf8) : []
        return shown + (greeting.table.clients(for: name)?.sessionBound ?? []) + older
    }

    private static func sealTicket(
        _ ssl: OpaquePointer?, _ ticket: UnsafeMutablePointer<UInt8>?, _ count: UnsafeMutablePointer<Int>?, _ room: Int,
        _ session: UnsafePointer<UInt8>?, _ sessionCount: Int
    ) -> Int32 {
        let plain = unsafe UnsafeBufferPointer(start: session, count: sessionCount)
        guard let ticket = unsafe ticket, let sealed = unsafe of(ssl)?.tickets?.seal(plain, to: bound(ssl)),
            sealed.count <= room
        else {
            // No ticket: the session is not resumed, and nothing else.
            unsafe count?.pointee = 0
            return 1
        }
        unsafe ticket.update(from: sealed, count: sealed.count)
        unsafe count?.pointee = sealed.count
        return 1
    }

    private static func openTicket(
        _ ssl: OpaquePointer?, _ session: UnsafeMutablePointer<UInt8>?, _ count: UnsafeMutablePointer<Int>?,
        _ room: Int,
        _ ticket: UnsafePointer<UInt8>?, _ ticketCount: Int
    ) -> ssl_ticket_aead_result_t {
        let sealed = unsafe UnsafeBufferPointer(start: ticket, count: ticketCount)
        guard let session = unsafe session, let opened = unsafe of(ssl)?.tickets?.open(sealed, bound: bound(ssl)),
            opened.count <= room
        else {
            return ssl_ticket_aead_ignore_ticket
        }
        unsafe session.update(from: opened, count: opened.count)
        unsafe count?.pointee = opened.count
        return ssl_ticket_aead_success
    }
}
