public import ApusModel
public import ApusTransport

/// What TLS engines are made from, by the numbers of listeners and pools, and whom they are for, by those of endpoints.
public struct TLSShields: LinkShields {
    private let contexts: [TLSContext?]
    private let peers: [TLSPeer?]
    /// From which parts of the configuration the contexts were made, in their order.
    private let listeners: [ListenerTLS?]
    private let pools: [PoolTLS?]

    init(_ contexts: [TLSContext?], peers: [TLSPeer?] = []) {
        self.contexts = contexts
        self.peers = peers
        listeners = contexts.map { _ in nil }
        pools = []
    }

    public func makeEngines() -> any LinkEngines {
        let engines = TLSEngines()
        engines.use(contexts, peers: peers)
        return engines
    }

    public func adopt(by engines: any LinkEngines) { (engines as? TLSEngines)?.use(contexts, peers: peers) }

    /// Those of a snapshot.
    ///
    /// - Parameters:
    ///   - tickets: the keys that clients' sessions are resumed by.
    ///   - before: those of the snapshot before: what has not changed is taken from them.
    /// - Returns: nil where neither listener nor pool speaks TLS, nor did before.
    public init?(
        for snapshot: Snapshot, tickets: TicketKeys, after before: TLSShields? = nil
    ) throws(TLSFailure) {
        let listeners = snapshot.listeners.map(\.tls)
        let pools = snapshot.pools.map(\.tls)
        guard before != nil || listeners.contains(where: { $0 != nil }) || pools.contains(where: { $0 != nil }) else {
            return nil
        }
        var contexts: [TLSContext?] = []
        for (index, rules) in listeners.enumerated() {
            let known = rules.flatMap { rules in
                before?.context(of: rules, near: index)
                    ?? listeners[..<index].firstIndex(of: rules).flatMap { contexts[$0] }
            }
            if known == nil, let rules {
                contexts.append(try TLSContext(rules, tickets: tickets))
            } else {
                contexts.append(known)
            }
        }
        for (index, rules) in pools.enumerated() {
            let known = rules.flatMap { before?.context(of: $0, near: index) }
            if known == nil, let rules { contexts.append(try TLSContext(rules)) } else { contexts.append(known) }
        }
        (self.listeners, self.pools, self.contexts) = (listeners, pools, contexts)
        peers = snapshot.endpoints.map { endpoint in
            let pool = snapshot.pools[endpoint.pool]
            return pool.tls.map { TLSPeer($0.name ?? endpoint.host, at: endpoint.address, pool: pool.name) }
        }
    }

    /// - Parameter index: where it is most likely.
    private func context(of rules: ListenerTLS, near index: Int) -> TLSContext? {
        Self.place(of: rules, in: listeners, near: index).flatMap { contexts[$0] }
    }

    private func context(of rules: PoolTLS, near index: Int) -> TLSContext? {
        Self.place(of: rules, in: pools, near: index).flatMap { contexts[listeners.count + $0] }
    }

    private static func place<Rules: Equatable>(of rules: Rules, in all: [Rules?], near index: Int) -> Int? {
        index < all.count && all[index] == rules ? index : all.firstIndex(of: rules)
    }
}

extension TLSContext {
    /// For the clients of a listener.
    ///
    /// - Parameter tickets: the process's own keys; nil for a listener that resumes no sessions, or by its own keys alone.
    public convenience init(_ rules: ListenerTLS, tickets: TicketKeys? = nil) throws(TLSFailure) {
        var own = TLSRules()
        own.minimum = rules.minimum
        own.groups = rules.groups
        own.ciphers = rules.ciphers
        let keys = rules.ticketKeys.map { $0.held as? TicketKeys } ?? tickets
        try self.init(showing: try CertificateTable(rules), own, tickets: rules.hasTickets ? keys : nil)
    }

    /// For the endpoints of a pool.
    convenience init(_ rules: PoolTLS) throws(TLSFailure) {
        var own = TLSRules()
        own.minimum = rules.minimum
        let trust = rules.authorities?.held as? TrustStore
        // Without a store nobody would be verified.
        guard (trust == nil) == (rules.authorities == nil) else { throw .unusable }
        try self.init(
            asClient: own, trusting: trust, showing: rules.certificate?.held as? TLSCertificate,
            protocols: rules.offersProtocols ? ["http/1.1"] : [])
    }
}
