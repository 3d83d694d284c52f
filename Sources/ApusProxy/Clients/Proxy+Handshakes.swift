import ApusAddresses
import ApusHTTP
import ApusModel
import ApusTransport

/// TLS handshakes with clients.
extension Proxy {
    /// Goes on with a client's handshake, and reads its first request when that is over.
    mutating func shake(_ client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        guard clients.handshakeSteps > 0 else { return connections.makeReady(client) }
        clients.handshakeSteps -= 1
        let result = connections.handshake(client, &arena)
        if result.wouldBlock || result.isInProgress { return }
        guard !result.isFailure else { return handshakeFailed(client, result, &arena) }
        count(.handshakes, of: client)
        if connections.links.isOfTLS12(connections[client].link) { count(.handshakesOf12, of: client) }
        if connections.links.isResumed(connections[client].link) { count(.handshakesResumed, of: client) }
        if identity(of: client) != nil { count(.clientCertificates, of: client) }
        awaitRequest(client)
        if connections[client].mayBeRead { readRequest(client, &hand, &arena) }
    }

    /// What has to come before requests has come.
    mutating func awaitRequest(_ client: Int) {
        connections[client].phase = .waiting
        // A drain that began meanwhile, or other rules, have passed it over.
        let isLeaving = isLeaving(Int(connections[client].place)) || connections[client].link.isOutdated
        setDeadline(client, in: isLeaving ? settings.linger : settings.idle)
    }

    /// The client's handshake was not over in time.
    mutating func handshakeTimedOut(_ client: Int, _ arena: inout BufferArena) {
        count(.handshakeTimeouts, of: client)
        closeClient(client, &arena)
    }

    private mutating func handshakeFailed(_ client: Int, _ result: SystemResult, _ arena: inout BufferArena) {
        guard let fault = HandshakeFault(connections.links.fault, result) else {
            if result.isOutOfMemory {
                records.counters.add(
                    to: shared.layout.reason(.memoryLimit, listener: Int(connections[client].place)))
            } else {
                count(.handshakesLeft, of: client)
            }
            return closeClient(client, &arena)
        }
        count(.handshakeFailures, of: client)
        let place = Int(connections[client].place)
        records.counters.add(to: shared.layout.handshakes(fault.kind, listener: place))
        if case .certificate = fault { count(.clientCertificateFailures, of: client) }
        guard fault != .plainHTTP else {
            connections.unshield(client, &arena)
            connections[client].phase = .waiting
            return refuse(client, .plainHTTPOnTLS, &arena)
        }
        let peer = IPAddress(high: connections[client].peer.high, low: connections[client].peer.low)
        let claim = connections.links.claim(connections[client].link) ?? LinkClaim()
        tell(.handshakeFailed(fault, listener: place, from: peer, claim))
        guard case .certificate = fault else { return closeClient(client, &arena) }
        // The rest of what it sends would reset the connection, and the alert be lost that says what is wrong with its certificate.
        connections.unshield(client, &arena)
        linger(client, &arena)
    }

    mutating func count(_ counter: CounterLayout.ListenerCounter, of client: Int) {
        records.counters.add(to: shared.layout.listener(Int(connections[client].place), counter))
    }
}

extension HandshakeFault {
    /// Nil where it failed for something else than the handshake itself.
    init?(_ fault: LinkFault, _ result: SystemResult) {
        guard result.isOfProtocol else { return nil }
        switch fault.kind {
        case .none, .broken: self = .broken
        case .certificate: self = .certificate(CertificateFault(rawValue: fault.detail) ?? .bad)
        case .refused: self = .refused(alert: fault.detail)
        case .nothingInCommon: self = .nothingInCommon
        case .unknownName: self = .unknownName
        case .unknownProtocol: self = .unknownProtocol
        case .plainHTTP: self = .plainHTTP
        case .proxyHeader: self = .proxyHeader
        case .noTLS: self = .noTLS
        case .memory: return nil
        }
    }
}
