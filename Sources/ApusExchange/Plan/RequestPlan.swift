public import ApusAddresses
public import ApusHTTP
public import ApusModel

/// What becomes of a request before a pool sees it. It follows from the request's head, from who brought it and from the
/// configuration, and from nothing else: no socket, clock, chance or count has a say in it.
///
/// The order in which a request is looked at:
///
/// 1. What only a trusted proxy may say of its client is dropped, or tidied (`FieldTable.dropClaims`, `.tidyClaims`).
/// 2. TRACE or OPTIONS that may go no further is answered (Max-Forwards, RFC 9110 section 7.6.2).
/// 3. Its route is found, by every way in which its path can be read (`Snapshot+Paths.swift`); what has none, or may
///    mean two things, is refused.
/// 4. What its route answers by itself is answered (`RequestRules.writeAnswerFields`).
/// 5. A body that says that it is too large is refused (`RouteSettings.takes`).
/// 6. What its pool hashes is read (`RequestRules.hash`).
/// 7. What goes to the origin is written (`RequestHead.write`, where the route changes it by `RequestRules.writeForwarded`),
///    and refused where a client made a route write what must not be sent.
///
/// The worker counts the requests in flight of a route between 3 and 4, and chooses among the route's pools before 5.
public enum RequestPlan: Equatable, Sendable, BitwiseCopyable {
    /// Apus answers as the last that it may come to.
    case lastRecipient
    /// Its route decides, by the number that it has in the snapshot.
    case route(Int)
    case refuse(Reason)
}

extension RequestRules {
    /// Steps 2 and 3.
    ///
    /// - Parameter hand: a head whose claims have been settled.
    @inlinable @inline(__always)
    public func plan<Desk: PlanDesk & ~Copyable>(
        _ hand: inout HeadInHand<Desk.Place>, _ arrival: Arrival, _ desk: inout Desk
    ) -> RequestPlan {
        if arrival.policy >= 0, isMisdirected(&hand, desk.bytes(of: hand.place), arrival) {
            return .refuse(.misdirectedRequest)
        }
        if hand.head.hopsLeft == 0 { return .lastRecipient }
        let client =
            snapshot.looksAtClient(listener: arrival.listener)
            ? client(of: &hand, desk.bytes(of: hand.place), arrival) : IPAddress(high: 0, low: 0)
        if PathNormalization.isPlain(hand.head.target.path, of: desk.bytes(of: hand.place)) {
            guard let route = snapshot.routeAsItCame(arrival.listener, &hand, client, desk.bytes(of: hand.place)) else {
                return .refuse(.noRoute)
            }
            return .route(route)
        }
        return snapshot.planByReadings(arrival.listener, listenerPaths[arrival.listener], &hand, client, &desk)
    }
}

extension RequestRules {
    /// Whether a request's host is one whose clients must show another certificate, or none, than those of the name that its
    /// connection's handshake was made for (RFC 9110 section 15.5.20).
    @usableFromInline
    func isMisdirected<Place>(_ hand: inout HeadInHand<Place>, _ bytes: Span<UInt8>, _ arrival: Arrival) -> Bool {
        guard let names = hostPolicies[arrival.listener] else { return false }
        return names.policy(ofHost: hand.serverName(bytes)) != Int(arrival.policy)
    }

    /// Whether a route lets a client in.
    ///
    /// - Parameter names: those of the certificate that the client has shown; nil where it has shown none.
    public func admits(_ names: [String]?, to route: Int) -> Bool {
        let requirement = routes[route].clientRequirement
        return requirement < 0 || parts.clientRequirements[Int(requirement)].admits(names)
    }
}

extension HeadInHand {
    /// The name that a client asks for in a handshake when it means this request's host; nil for none.
    ///
    /// - Parameter bytes: those of this head.
    public func serverName(_ bytes: Span<UInt8>) -> String? {
        let host = bytes.text(head.host)
        return host.isEmpty || IPAddress(host) != nil ? nil : host
    }
}

extension Span<UInt8> {
    fileprivate func text(_ range: Range<Int>) -> String {
        var bytes: [UInt8] = []
        for index in range { bytes.append(self[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension RouteSettings {
    /// Whether the length that a request's body says it has is one that the route allows.
    @inlinable @inline(__always)
    public func takes(_ framing: BodyFraming) -> Bool {
        if case .length(let length) = framing { length <= bodyLimit } else { true }
    }
}
