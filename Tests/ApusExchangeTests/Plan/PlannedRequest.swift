import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting

/// A head, and what a plan makes of it, on a desk of arrays.
struct PlannedRequest: ~Copyable {
    let rules: RequestRules
    let arrival: Arrival
    var hand = HeadInHand(place: ArrayDesk.Place.head)
    var desk: ArrayDesk

    /// - Throws: why the parser refuses the head.
    init(
        _ head: [UInt8], routes: [Route], paths: PathRule = .safe, isTrusted: Bool = false
    ) throws(Reason) {
        let listener = Listener(
            name: "a", bind: SocketAddress(ip: .anyIPv4, port: 80), routes: routes.indices, paths: paths)
        let proxies = Network("10.0.0.0/8").map { [$0] } ?? []
        rules = RequestRules(
            Snapshot(
                workers: 1, listeners: [listener], routes: routes, pools: [], endpoints: [], trustedProxies: proxies))
        arrival = Arrival(listener: 0, peer: IPAddress(ipv4: 0x0a00_0001), isTrusted: isTrusted)
        hand.fields.clientRules = rules.clientFields
        guard try hand.parse(head.span, at: .head, limits: rules.headLimits) else { throw .badRequestLine }
        var bytes = head
        if isTrusted {
            var span = bytes.mutableSpan
            hand.fields.tidyClaims(in: &span)
        } else {
            hand.fields.dropClaims()
        }
        desk = ArrayDesk(head: bytes)
        desk.path = Array(desk.head[hand.head.target.path])
    }

    /// - Parameter text: the request line, and fields behind it; `Host: a` if there is none.
    init(
        _ text: String, routes: [Route], paths: PathRule = .safe, isTrusted: Bool = false
    ) throws(Reason) {
        var lines = text.split(separator: "\n").map(String.init)
        lines[0] += " HTTP/1.1"
        if !lines.contains(where: { $0.hasPrefix("Host:") }) { lines.insert("Host: a", at: 1) }
        try self.init(
            Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8), routes: routes, paths: paths,
            isTrusted: isTrusted)
    }

    mutating func hash(_ key: HashRules.Key?) -> UInt64? {
        let bytes = desk.head
        return rules.hash(HeadKey(key), of: &hand, bytes.span, arrival)
    }

    mutating func plan() -> RequestPlan { rules.plan(&hand, arrival, &desk) }

    /// The name of the route that the plan says, `last`, or the reason of a refusal.
    mutating func planned() -> String {
        switch plan() {
        case .lastRecipient: "last"
        case .route(let route): rules.snapshot.routes[route].name
        case .refuse(let reason): "\(reason.token)"
        }
    }

    /// What is written for the request: the fields of its route's answer, or those that its response gets, and the head
    /// that the origin gets.
    ///
    /// - Throws: why it cannot be sent.
    mutating func written() throws(Reason) -> String {
        guard case .route(let route) = plan() else { return "" }
        let bytes = desk.head
        if rules.normalizesPath(of: &hand, bytes.span, listener: 0) {
            desk.path = try PathNormalization.normalized(desk.path)
        }
        let settings = rules.routes[route]
        var filling = TemplateFilling(&hand, path: .path, route: route, arrival, by: rules, desk)
        guard settings.action == .forward else {
            try rules.writeAnswerFields(of: route, &filling, to: &desk)
            return String(decoding: desk.written, as: UTF8.self)
        }
        guard settings.takes(hand.head.framing) else { throw .bodyTooLarge }
        _ = try rules.writeResponseFields(of: route, &filling, to: &desk)
        let lines = String(decoding: desk.written, as: UTF8.self)
        try rules.writeForwarded(
            &hand, by: route, &filling, arrival, ownPort: 80, to: &desk, clientAddress: { $0.append("10.0.0.1") },
            ownAddress: { $0.append("own") })
        return lines + String(decoding: desk.written, as: UTF8.self)
    }

    /// The first line of what the origin gets, or Location.
    mutating func firstLine() throws(Reason) -> String {
        let text = try written()
        return String(text.prefix { !$0.isNewline })
    }
}

extension Route {
    /// One that forwards.
    static func to(_ name: String, _ path: PathPattern = .any) -> Route { Route(name: name, path: path, pool: 0) }

    static func redirect(_ path: PathPattern = .any, to pieces: TextTemplate.Piece...) -> Route {
        Route(
            name: "redirect", match: RouteMatch(path: path),
            action: .redirect(Redirect(location: TextTemplate(pieces))))
    }

    func with(_ change: (inout Route) -> Void) -> Route {
        var route = self
        change(&route)
        return route
    }
}

extension PathPattern {
    static func prefix(_ text: String) -> PathPattern { .prefix(Array(text.utf8)) }
    static func exact(_ text: String) -> PathPattern { .exact(Array(text.utf8)) }
}

extension TextTemplate.Piece {
    static func text(_ text: String) -> Self { .literal(Array(text.utf8)) }
}
