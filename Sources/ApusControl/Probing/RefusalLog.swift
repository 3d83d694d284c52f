import ApusAddresses
import ApusHTTP
import ApusModel
import FoundationEssentials
import Logging

/// The log's lines about connections that were turned away and requests that came back: one a minute for each cause.
struct RefusalLog {
    private var throttle: Throttle<Cause, RefusalNews>

    enum Cause: Hashable {
        case turnedAway(Reason, listener: String)
        case cameBack(route: String, listener: String)
        case ledBack(endpoint: String)
        case handshakeFailed(HandshakeFault, listener: String)
        case proxyHeaderRefused(ProxyHeaderFault, listener: String)
    }

    typealias Telling = Throttle<Cause, RefusalNews>.Telling

    /// - Parameter pause: the least time between two lines about one cause, in microseconds.
    init(pause: Int64 = 60_000_000) { throttle = Throttle(pause: pause) }

    var isEmpty: Bool { throttle.isEmpty }

    /// A worker has told of it.
    ///
    /// - Returns: what to log now; nil where there was a line about its cause in the last minute.
    mutating func note(_ refusal: RefusalNews, now: Int64) -> Telling? {
        let (cause, count) =
            switch refusal.event {
            case .turnedAway(let reason, let count): (Cause.turnedAway(reason, listener: refusal.listener), count)
            case .cameBack(let route, _, let count): (Cause.cameBack(route: route, listener: refusal.listener), count)
            case .ledBack(let endpoint, let count): (Cause.ledBack(endpoint: endpoint), count)
            case .handshakeFailed(let fault, _, let count):
                (Cause.handshakeFailed(fault, listener: refusal.listener), count)
            case .proxyHeaderRefused(let fault, _, let count):
                (Cause.proxyHeaderRefused(fault, listener: refusal.listener), count)
            }
        return throttle.note(cause, refusal, count: count, now: now)
    }

    mutating func takeDue(now: Int64) -> [Telling] { throttle.takeDue(now: now) }
    mutating func takeAll(now: Int64) -> [Telling] { throttle.takeAll(now: now) }
}

extension Prober {
    func log(_ told: RefusalLog.Telling) {
        let (refusal, count, time) = (told.news, told.count, Self.within(told.time))
        switch refusal.event {
        case .turnedAway(let reason, _):
            let connections = count == 1 ? "a client's connection" : "\(count) clients' connections"
            logger.error(
                """
                listener \(refusal.listener) turned \(connections) away\(time): \(reason.token); \(advice(reason)); told once \
                a minute
                """)
        case .handshakeFailed(let fault, let client, _): logHandshakes(told, fault, client)
        case .proxyHeaderRefused(let fault, let peer, _): logProxyHeaders(told, fault, from: peer)
        case .cameBack(let route, let peer, _):
            let requests = count == 1 ? "a request" : "\(count) requests"
            logger.warning(
                """
                route \(route) of listener \(refusal.listener) was sent \(requests)\(time) that it had forwarded before, the \
                latest by \(peer), and answered 508 (loop_detected): an endpoint of its pool leads back here; told once a minute
                """)
        case .ledBack(let endpoint, _):
            let requests = count == 1 ? "a request" : "\(count) requests"
            logger.warning(
                """
                endpoint \(endpoint) answered \(requests)\(time) of listener \(refusal.listener) with 508 (loop_detected): it is \
                an Apus, or leads to one, by which they had come before; look where its pools lead; told once a minute
                """)
        }
    }

    private func logHandshakes(_ told: RefusalLog.Telling, _ fault: HandshakeFault, _ client: FailedClient) {
        let handshakes = told.count == 1 ? "a TLS handshake" : "\(told.count) TLS handshakes"
        let asking = client.serverName.map { ", which asked for \(Self.visible($0))" } ?? ""
        let showing = client.certificate.map { " and showed a certificate of \(Self.visible($0))" } ?? ""
        let reason = fault == .certificate(.noRevocationList) ? missingList(at: told.news.listener) : nil
        // Who is to blame is not the client.
        logger.log(
            level: reason == nil ? .info : .warning,
            """
            \(handshakes) at listener \(told.news.listener) failed\(Self.within(told.time)), the latest with \
            \(client.address)\(asking)\(showing): \(reason ?? "\(fault)"); told once a minute
            """)
    }

    /// What a client has chosen, as it can stand in a line.
    private static func visible(_ text: String) -> String {
        let shown = text.utf8.prefix(128).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
        return String(decoding: shown, as: UTF8.self)
    }

    /// Why no list of revoked certificates was current.
    private func missingList(at listener: String) -> String {
        let now = Int64(Date().timeIntervalSince1970)
        let outdated = snapshot.revocationLists.filter { list in
            guard case .listener(let index) = list.place else { return false }
            return "\(snapshot.listeners[index].bind)" == listener && list.state(at: now) == .hasEnded
        }
        let words = outdated.compactMap { $0.warning(at: now, place: $0.place.words(in: snapshot)) }
        return words.isEmpty
            ? "no list of revoked certificates (`crl`) is of the authority that has issued its certificate"
            : words.joined(separator: "; ")
    }

    private func logProxyHeaders(_ told: RefusalLog.Telling, _ fault: ProxyHeaderFault, from peer: String) {
        let connections = told.count == 1 ? "a connection" : "\(told.count) connections"
        logger.warning(
            """
            listener \(told.news.listener) closed \(connections)\(Self.within(told.time)) that had to begin with a header of \
            the PROXY protocol, the latest from \(peer): \(fault); have that proxy send the header (send-proxy, \
            proxy_protocol on), or leave it out of the listener's proxy_protocol; told once a minute
            """)
    }

    private func advice(_ reason: Reason) -> String {
        switch reason {
        case .descriptorLimit:
            "raise the limit of open files of this process (LimitNOFILE, ulimit -n), or find out who keeps so many "
                + "connections (limits.connections bounds those of a listener)"
        case .connectionLimit:
            "it has limits.connections (\(snapshot.limits.connectionsPerListener)) already: raise that, or find out who "
                + "opens so many"
        default: "see docs/reasons.md"
        }
    }
}
