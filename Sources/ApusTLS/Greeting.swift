internal import CNIOBoringSSL
import Glibc

/// What a handshake with a client asks of its context: which certificates, which protocol, which keys for tickets.
///
/// It belongs to BoringSSL's context, which an engine may keep for longer than `TLSContext` lives.
final class Greeting: Sendable {
    let table: CertificateTable
    let tickets: TicketKeys?

    init(table: CertificateTable, tickets: TicketKeys?) {
        self.table = table
        self.tickets = tickets
    }

    /// Where a context has it.
    private static let place = unsafe SSL_CTX_get_ex_new_index(
        0, nil, nil, nil,
        { _, found, _, _, _, _ in
            if let found = unsafe found { unsafe Unmanaged<Greeting>.fromOpaque(found).release() }
        })

    func attach(to context: OpaquePointer) {
        unsafe SSL_CTX_set_ex_data(context, Self.place, Unmanaged.passRetained(self).toOpaque())
    }

    /// That of the context that a connection was made from.
    static func of(_ ssl: OpaquePointer?) -> Greeting? {
        guard let found = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place) else { return nil }
        return unsafe Unmanaged<Greeting>.fromOpaque(found).takeUnretainedValue()
    }

    /// The server name that the client asks for; nil for none.
    static func name(asked ssl: OpaquePointer?) -> String? {
        unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { unsafe String(cString: $0) }
    }

    static func selectCertificate(_ hello: UnsafePointer<SSL_CLIENT_HELLO>?) -> ssl_select_cert_result_t {
        guard let ssl = unsafe hello?.pointee.ssl, let greeting = unsafe of(ssl) else { return ssl_select_cert_error }
        let name = unsafe name(asked: ssl)
        let certificates = greeting.table.certificates(for: name)
        // Refused with the right alert a little later, by `refuseUnknownNames`.
        if certificates.isEmpty { return ssl_select_cert_success }
        let now = Int64(time(nil))
        for certificate in certificates { unsafe SSL_add1_credential(ssl, certificate.credential(at: now)) }
        if let clients = greeting.table.clients(for: name) { unsafe clients.apply(to: ssl) }
        return ssl_select_cert_success
    }

    /// Refuses a client that there is nothing to show to, with the alert that says so (RFC 6066 section 3).
    static func refuseUnknownNames(_ ssl: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?) -> Int32 {
        let name = unsafe name(asked: ssl)
        guard let table = unsafe of(ssl)?.table, table.certificates(for: name).isEmpty else {
            return SSL_TLSEXT_ERR_NOACK
        }
        unsafe alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    /// HTTP/1.1, where the client offers it, else HTTP/1.0; a client that offers only others is refused (RFC 7301 section 3.2).
    static func selectProtocol(
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ chosenCount: UnsafeMutablePointer<UInt8>?,
        _ offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32
    ) -> Int32 {
        guard let offered = unsafe offered else { return SSL_TLSEXT_ERR_NOACK }
        let all = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
        for known in ["http/1.1", "http/1.0"] {
            guard let range = unsafe range(of: known, in: all) else { continue }
            unsafe chosen?.pointee = offered + range.lowerBound
            unsafe chosenCount?.pointee = UInt8(range.count)
            return SSL_TLSEXT_ERR_OK
        }
        return SSL_TLSEXT_ERR_ALERT_FATAL
    }

    /// Where a protocol's name stands in a list of names with their lengths.
    private static func range(of name: String, in list: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var at = 0
        while at < list.count {
            let range = unsafe at + 1..<min(at + 1 + Int(list[at]), list.count)
            if unsafe list[range].elementsEqual(name.utf8) { return range }
            at = range.upperBound
        }
        return nil
    }
}
