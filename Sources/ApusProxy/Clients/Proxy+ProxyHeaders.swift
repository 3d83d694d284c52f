import ApusAddresses
import ApusHTTP
import ApusModel
import ApusTransport

/// Clients that a proxy names by the PROXY protocol: before its header nothing is read, TLS included, and from then on the
/// connection is that client's.
extension Proxy {
    /// Goes on with the header, and with what comes after it.
    mutating func readProxyHeader(_ client: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena) {
        guard connections[client].mayBeRead else { return }
        let hasBegun = !connections[client].input.isEmpty
        switch receive(client, &arena) {
        case .nothing: return
        case .ended, .failed:
            if hasBegun { return proxyHeaderFailed(client, .cut, &arena) }
            count(.proxyHeadersLeft, of: client)
            closeClient(client, &arena)
        case .noMemory: proxyHeaderFoundNoMemory(client, &arena)
        case .bytes(let stretch): parseProxyHeader(client, stretch, &hand, &arena)
        }
    }

    private mutating func parseProxyHeader(
        _ client: Int, _ stretch: Stretch, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        let header: ProxyHeader?
        do throws(ProxyHeaderFault) {
            header = try ProxyHeader.parse(arena.bytes(of: stretch))
        } catch {
            return proxyHeaderFailed(client, error, &arena)
        }
        guard let header else {
            guard keepInput(client, stretch, &arena) else { return proxyHeaderFoundNoMemory(client, &arena) }
            return connections.readOn(client)
        }
        count(.proxyHeaders, of: client)
        if let addresses = header.addresses {
            connections[client].peer = WireAddress(addresses.client)
            connections[client].isTrusted = settings.isTrusted(connections[client].peer)
            introductions.note(WireAddress(addresses.reached), of: connections.handle(client))
        }
        proceedBehindHeader(client, stretch.rest(from: Int(stretch.start) + header.end), &hand, &arena)
    }

    /// - Parameter rest: what came along with the header.
    private mutating func proceedBehindHeader(
        _ client: Int, _ rest: Stretch, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) {
        let listener = Int(connections[client].place)
        if settings.listenerIsSealed[listener] {
            let context = Int32(truncatingIfNeeded: listener)
            guard connections.shield(client, from: context, after: rest, &arena) else {
                return proxyHeaderFoundNoMemory(client, &arena)
            }
            _ = keepInput(client, Stretch(.inbound, 0..<0), &arena)
            // The deadline is that of both.
            connections[client].phase = .shaking
            return shake(client, &hand, &arena)
        }
        awaitRequest(client)
        if rest.count > 0, connections[client].input.isEmpty { return parseHeld(client, rest, &hand, &arena) }
        // It stands where it is, or is nothing.
        _ = keepInput(client, rest, &arena)
        if rest.count > 0 || connections[client].mayBeRead { readRequest(client, &hand, &arena) }
    }

    /// The header did not come whole in time.
    mutating func proxyHeaderTimedOut(_ client: Int, _ arena: inout BufferArena) {
        count(.proxyHeaderTimeouts, of: client)
        closeClient(client, &arena)
    }

    /// Nothing can be said to a proxy that does not speak as it was to.
    private mutating func proxyHeaderFailed(_ client: Int, _ fault: ProxyHeaderFault, _ arena: inout BufferArena) {
        count(.proxyHeadersRefused, of: client)
        let peer = IPAddress(high: connections[client].peer.high, low: connections[client].peer.low)
        tell(.proxyHeaderRefused(fault, listener: Int(connections[client].place), from: peer))
        closeClient(client, &arena)
    }

    private mutating func proxyHeaderFoundNoMemory(_ client: Int, _ arena: inout BufferArena) {
        let listener = Int(connections[client].place)
        records.counters.add(to: shared.layout.reason(.memoryLimit, listener: listener))
        closeClient(client, &arena)
    }
}
