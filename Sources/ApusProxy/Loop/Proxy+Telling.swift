import ApusAddresses
import ApusHTTP
import ApusModel
import ApusTransport

/// What may happen with each request or connection, and is told of once a second.
enum Frequent: Sendable {
    /// An endpoint gave a request no response.
    case noResponse(endpoint: Int, Reason, HandshakeFault?)
    /// A connection of a client was turned away.
    case turnedAway(Reason, listener: Int)
    /// A request of that route came back that this process had forwarded.
    case cameBack(route: Int, listener: Int, from: IPAddress)
    /// An endpoint is an Apus, and said that a request had come back to it.
    case ledBack(endpoint: Int, listener: Int)
    /// The TLS handshake of a client has failed.
    case handshakeFailed(HandshakeFault, listener: Int, from: IPAddress, LinkClaim)
    /// A connection began without a good header of the PROXY protocol.
    case proxyHeaderRefused(ProxyHeaderFault, listener: Int, from: IPAddress)
    /// This machine lacked something for a connection to an endpoint.
    case shortage(endpoint: Int, ConnectFailure)

    /// What is counted together.
    enum Cause: Hashable, Sendable {
        case noResponse(endpoint: Int)
        case turnedAway(Reason, listener: Int)
        case cameBack(route: Int)
        case ledBack(endpoint: Int)
        case handshakeFailed(HandshakeFault, listener: Int)
        case proxyHeaderRefused(ProxyHeaderFault, listener: Int)
        case shortage
    }

    var cause: Cause {
        switch self {
        case .noResponse(let endpoint, _, _): .noResponse(endpoint: endpoint)
        case .turnedAway(let reason, let listener): .turnedAway(reason, listener: listener)
        case .cameBack(let route, _, _): .cameBack(route: route)
        case .ledBack(let endpoint, _): .ledBack(endpoint: endpoint)
        case .handshakeFailed(let fault, let listener, _, _): .handshakeFailed(fault, listener: listener)
        case .proxyHeaderRefused(let fault, let listener, _): .proxyHeaderRefused(fault, listener: listener)
        case .shortage: .shortage
        }
    }
}

/// Telling the control plane of what may happen too often for each time to be told.
extension Proxy {
    /// Tells of it now, or together with what comes in the same second.
    @inline(never)
    mutating func tell(_ news: Frequent) {
        if let telling = neighbours.frequent.note(news.cause, news, now: now) { return tell(telling) }
        armTelling()
    }

    /// Tells what is kept, as far as it is time.
    mutating func tellDue() {
        neighbours.willTell = false
        for telling in neighbours.frequent.takeDue(now: now) { tell(telling) }
        if !neighbours.frequent.isEmpty { armTelling() }
    }

    /// Tells all that is kept: indices will mean something else, or this worker ends.
    mutating func tellAll() {
        for telling in neighbours.frequent.takeAll(now: now) { tell(telling) }
    }

    private mutating func armTelling() {
        guard !neighbours.willTell else { return }
        neighbours.willTell = true
        schedule.timers.schedule(Schedule.tellToken, at: now + neighbours.frequent.pause)
    }

    private mutating func tell(_ telling: Throttle<Frequent.Cause, Frequent>.Telling) {
        let snapshot = shared.snapshot
        switch telling.news {
        case .noResponse(let endpoint, let reason, let fault):
            shared.report(.gaveNoResponse(endpoint: endpoint, reason, fault, count: telling.count))
        case .turnedAway(let reason, let listener):
            let event = RefusalNews.Event.turnedAway(reason, count: telling.count)
            shared.report(.refused(RefusalNews(at: listener, of: snapshot, event)))
        case .cameBack(let route, let listener, let peer):
            let event = RefusalNews.Event.cameBack(
                route: snapshot.routes[route].name, from: "\(peer)", count: telling.count)
            shared.report(.refused(RefusalNews(at: listener, of: snapshot, event)))
        case .ledBack(let endpoint, let listener):
            let pool = snapshot.pools[snapshot.endpoints[endpoint].pool].name
            let event = RefusalNews.Event.ledBack(
                endpoint: "\(pool)/\(snapshot.endpoints[endpoint].name)", count: telling.count)
            shared.report(.refused(RefusalNews(at: listener, of: snapshot, event)))
        case .handshakeFailed(let fault, let listener, let peer, let claim):
            let client = FailedClient(
                address: "\(peer)", serverName: claim.serverName, certificate: claim.certificate)
            let event = RefusalNews.Event.handshakeFailed(fault, client, count: telling.count)
            shared.report(.refused(RefusalNews(at: listener, of: snapshot, event)))
        case .proxyHeaderRefused(let fault, let listener, let peer):
            let event = RefusalNews.Event.proxyHeaderRefused(fault, from: "\(peer)", count: telling.count)
            shared.report(.refused(RefusalNews(at: listener, of: snapshot, event)))
        case .shortage(let endpoint, let cause): shared.report(.connectFailed(endpoint: endpoint, cause))
        }
    }
}
