import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusTransport

/// An exchange as the access log tells of it: what of it can stand in a line, and no more, since it is passed to whatever
/// writes a part of the line.
struct LoggedExchange {
    let peer: SocketAddress
    /// Who the client is by its certificate.
    let identity: LinkIdentity?
    /// What its handshake has agreed on, where the line says it.
    let terms: LinkTerms?
    /// Microseconds since 1970.
    let began: Int64
    let duration: Int64
    let end: ConnectionEnd
    let sample: Int
    let listener: Int
    let route: Int
    let branch: Int
    let endpoint: Int
    let note: Stretch
    /// Nil where no head could be read.
    let version: Version?
    let status: Int
    let attempts: Int
    let reason: Reason?
    /// Bytes of the request: its head and its body.
    let bytesReceived: UInt64
    let bytesSent: UInt64
    /// Bytes of the response's body, without framing.
    let bodyBytes: UInt64
    /// From the request's first byte to the response's head; -1 where none came.
    let responseHead: Int64

    init(
        _ exchange: borrowing Exchange, peer: SocketAddress, identity: LinkIdentity?, terms: LinkTerms?, began: Int64,
        duration: Int64, end: ConnectionEnd, sample: Int
    ) {
        self.peer = peer
        self.identity = identity
        self.terms = terms
        self.began = began
        self.duration = duration
        self.end = end
        self.sample = sample
        listener = exchange.listener
        route = exchange.route
        branch = Int(exchange.branch)
        endpoint = exchange.endpoint
        note = exchange.note
        version = exchange.headBytes > 0 ? exchange.state.version : nil
        status = exchange.state.status
        attempts = exchange.state.visit.attempts + exchange.state.visit.staleReplacements
        reason = exchange.state.reason
        bytesReceived = UInt64(exchange.headBytes) + exchange.state.request.byteCount
        bytesSent = exchange.bytesSent
        bodyBytes = exchange.state.responseBodyBytes
        responseHead = exchange.headReceived > 0 ? exchange.headReceived - exchange.started : -1
    }
}
