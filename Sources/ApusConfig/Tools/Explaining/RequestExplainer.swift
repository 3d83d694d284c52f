import ApusAddresses
import ApusHTTP
public import ApusModel
import ApusRouting

/// Tells what would become of requests under a configuration, without a socket: the head is parsed by the parser that
/// serves clients, and the route found by the table that serves them.
public struct RequestExplainer: Sendable {
    private let snapshot: Snapshot
    private let origins: Origins
    private let states: [String: EndpointState]

    /// Why a request cannot be explained: its description is at fault, or names what is not there.
    public struct Refusal: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Parameter states: what a running Apus told of its endpoints; none when none was asked.
    public init(_ snapshot: Snapshot, origins: Origins = Origins(), states: [EndpointState] = []) {
        self.snapshot = snapshot
        self.origins = origins
        self.states = Dictionary(states.map { ("\($0.pool) \($0.endpoint)", $0) }, uniquingKeysWith: { one, _ in one })
    }

    public func explain(_ request: DescribedRequest) throws(Refusal) -> RequestExplanation {
        guard let parts = request.parts else {
            throw Refusal(
                description: "`\(request.url)` is no URL: expected one such as https://example.com/path, or a path")
        }
        let (listener, reason) = try self.listener(for: request, parts)
        let bound = snapshot.listeners[listener]
        var explanation = RequestExplanation(
            method: request.method, client: "\(request.client)",
            listener: .init(
                name: bound.name, address: "\(bound.bind)", origin: place(origins.listeners, listener), reason: reason),
            outcome: .noRoute)
        let bytes = request.head(parts, ownAddress: "\(bound.bind)")
        var fields = FieldTable()
        fields.clientRules = snapshot.clientFieldRules
        do throws(Reason) {
            let limits = HeadLimits(
                bytes: snapshot.limits.headBytes, fields: snapshot.limits.headFields,
                targetBytes: snapshot.limits.targetBytes)
            guard let head = try RequestHead.parse(bytes.span, limits: limits, into: &fields) else {
                throw .badRequestLine
            }
            if !snapshot.trustedProxies.contains(where: { $0.contains(request.client) }) { fields.dropClaims() }
            for index in 0..<fields.count where fields[index].isHidden {
                explanation.removedHeaders.append(String(decoding: bytes[fields[index].name], as: UTF8.self))
            }
            var seen = seen(request.client, head, fields, bytes)
            explanation.show(seen)
            if head.hopsLeft == 0 {
                // RFC 9110 section 7.6.2: nobody is asked further.
                let body = head.method == .trace ? "the request's own head" : bodyWords([])
                explanation.outcome = .respond(status: 200, body: body)
                return explanation
            }
            if PathOddities(seen.pathAsItCame.span).contains(.control) { throw .badPath }
            if bound.paths != .literal { seen.path = try PathNormalization.normalized(seen.path) }
            explanation.show(seen)
            try explain(seen, fields, listener: listener, in: &explanation)
        } catch {
            explanation.refuse(error)
        }
        return explanation
    }

    /// What routes see of a request. Apus itself speaks HTTP without TLS; a trusted proxy may say otherwise.
    private func seen(
        _ peer: IPAddress, _ head: RequestHead, _ fields: borrowing FieldTable, _ bytes: [UInt8]
    ) -> SeenRequest {
        let proxies = snapshot.trustedProxies
        let isTrusted = proxies.contains { $0.contains(peer) }
        return SeenRequest(
            head: head, pathAsItCame: Array(bytes[head.target.path]), path: Array(bytes[head.target.path]),
            bytes: bytes,
            client: isTrusted ? fields.client(behind: peer, in: bytes.span, trusting: proxies) : peer,
            scheme: isTrusted && fields.saysSecure(in: bytes.span) ? "https" : "http")
    }

    // MARK: - Which listener

    private func listener(for request: DescribedRequest, _ parts: DescribedRequest.Parts) throws(Refusal) -> (
        Int, String?
    ) {
        let candidates = snapshot.listeners.indices.filter { !snapshot.listeners[$0].isRetired }
        if let wanted = request.listener {
            if let index = candidates.first(where: {
                snapshot.listeners[$0].name == wanted || "\(snapshot.listeners[$0].bind)" == wanted
            }) {
                return (index, nil)
            }
            let names = candidates.map { "`\(snapshot.listeners[$0].name)`" }.joined(separator: ", ")
            throw Refusal(description: "there is no listener `\(wanted)`; expected one of \(names)")
        }
        if candidates.count == 1, let only = candidates.first { return (only, nil) }
        if let port = parts.port, let index = candidates.first(where: { snapshot.listeners[$0].bind.port == port }) {
            return (index, "by its port; `--listener` names another")
        }
        guard let first = candidates.first else { throw Refusal(description: "there is no listener") }
        return (first, "the first of \(candidates.count); `--listener` names another")
    }

    // MARK: - Which route

    private func explain(
        _ request: SeenRequest, _ fields: borrowing FieldTable, listener: Int, in explanation: inout RequestExplanation
    ) throws(Reason) {
        let bound = snapshot.listeners[listener]
        let taken = snapshot.route(
            listener: listener, head: request.head, path: request.path.span, fields: fields, bytes: request.bytes.span,
            client: request.client)
        for index in snapshot.listeners[listener].routes where taken.map({ index <= $0 }) ?? true {
            let route = snapshot.routes[index]
            let mismatch = route.match.firstMismatch(
                head: request.head, path: request.path.span, fields: fields, bytes: request.bytes.span,
                client: request.client)
            explanation.trials.append(
                .init(
                    route: route.name, origin: place(origins.routes, index), matches: index == taken,
                    mismatch: mismatch?.words(of: route)))
        }
        if bound.paths != .literal {
            explanation.readings = readings(of: request, fields, listener: listener)
            try compareReadings(of: request, listener: listener, explanation.readings)
        }
        guard let taken else { return }
        explanation.route = snapshot.routes[taken].name
        try explain(snapshot.routes[taken], taken, request, bound, in: &explanation)
    }

    private func explain(
        _ route: Route, _ index: Int, _ request: SeenRequest, _ listener: Listener,
        in explanation: inout RequestExplanation
    ) throws(Reason) {
        let filling = TemplateFilling(request, route)
        let limit = route.limits.bodyBytes ?? snapshot.limits.bodyBytes
        if case .forward = route.action, case .length(let length) = request.head.framing,
            let limit, length > limit
        {
            throw .bodyTooLarge
        }
        if let refusal = filling.refusal(route) { throw refusal }
        if case .forward = route.action, listener.paths != .literal, filling.leadsElsewhere(route) {
            throw .badRewrite
        }
        explanation.responseEdits = filling.edits(route.responseFields)
        switch route.action {
        case .redirect(let redirect):
            explanation.outcome = .redirect(status: redirect.status, location: filling.location(redirect))
        case .respond(let response):
            explanation.outcome = .respond(status: response.status, body: bodyWords(response.sentBody))
        case .forward(let split):
            explanation.outcome = .forward(split: split.key?.words)
            explanation.forwarded = .init(
                method: explanation.method, path: filling.path(route.rewrite) + explanation.query,
                host: route.hostRewrite.map { filling.text($0) } ?? filling.authority,
                edits: filling.edits(route.requestFields))
            let total = split.pools.reduce(0) { $0 + $1.weight }
            explanation.pools = split.pools.map { weighted in
                pool(weighted.pool, share: total == 0 ? 0 : 100 * Double(weighted.weight) / Double(total))
            }
            explanation.rules = rules(of: route, index, split)
            if listener.paths != .safe {
                explanation.rules.append(.init(key: "paths", value: listener.paths.rawValue, from: "the listener"))
            }
        }
    }

    // MARK: - Which readings

    /// The readings of the path, each once, with the routes that they go to; none if there is only one.
    private func readings(
        of request: SeenRequest, _ fields: borrowing FieldTable, listener: Int
    ) -> [RequestExplanation.Reading] {
        let readings = PathReadings(PathOddities(request.pathAsItCame.span))
        var found: [RequestExplanation.Reading] = []
        for number in 0..<(readings.count > 1 ? readings.count : 0) {
            var reading = RequestExplanation.Reading()
            if let path = try? readings[number].of(request.pathAsItCame) {
                reading.path = String(decoding: path, as: UTF8.self)
                reading.route = snapshot.route(
                    listener: listener, head: request.head, path: path.span, fields: fields,
                    bytes: request.bytes.span, client: request.client
                ).map { snapshot.routes[$0].name }
            }
            if !found.contains(reading) { found.append(reading) }
        }
        return found
    }

    /// As the worker does: all must go to one route, except where routes ask nothing of paths.
    private func compareReadings(
        of request: SeenRequest, listener: Int, _ found: [RequestExplanation.Reading]
    ) throws(Reason) {
        let readings = PathReadings(PathOddities(request.pathAsItCame.span))
        guard readings.count > 1 else { return }
        if snapshot.listeners[listener].paths == .strict { throw .ambiguousPath }
        guard snapshot.looksAtPath(listener: listener) else { return }
        guard readings.areFew(pathCount: request.pathAsItCame.count), Set(found.map(\.route)).count == 1,
            found.allSatisfy({ $0.path != nil })
        else { throw .ambiguousPath }
    }

    // MARK: - Which endpoints

    private func pool(_ index: Int, share: Double) -> RequestExplanation.Pool {
        let pool = snapshot.pools[index]
        let told: Set<String> = ["balance", "retries"]
        let endpoints = pool.endpoints.filter { !snapshot.endpoints[$0].isRetired }.map { number in
            let endpoint = snapshot.endpoints[number]
            let state = states["\(pool.name) \(endpoint.name)"]
            return RequestExplanation.Endpoint(
                name: endpoint.name, origin: place(origins.endpoints, number),
                weight: state?.weight ?? endpoint.weight, tier: endpoint.tier, state: state?.words,
                mayBePicked: state.map { $0.isAvailable && $0.weight > 0 } ?? (endpoint.weight == 0 ? false : nil))
        }
        let rules = Settings(pool, of: snapshot).entries.filter { !told.contains($0.key) && !$0.isUsual }
        return RequestExplanation.Pool(
            name: pool.name, origin: place(origins.pools, index), share: share, balance: pool.balance.rawValue,
            endpoints: endpoints, rules: rules.map { "\($0.key): \($0.value.inline)" })
    }

    // MARK: - Which rules

    private func rules(of route: Route, _ index: Int, _ split: Split) -> [RequestExplanation.Rule] {
        let here = place(origins.routes, index).map { "the route [\($0)]" } ?? "the route"
        func duration(_ key: String, _ own: Duration?, _ general: Duration, _ usual: Duration)
            -> RequestExplanation.Rule
        {
            let from = own != nil ? here : general == usual ? "default" : "`timeouts`"
            return .init(key: "timeouts.\(key)", value: (own ?? general).configured, from: from)
        }
        let usual = Timeouts()
        let times = snapshot.timeouts
        var rules = [
            duration("connect", route.timeouts.connect, times.connect, usual.connect),
            duration("response_head", route.timeouts.responseHead, times.responseHead, usual.responseHead),
            duration("body", route.timeouts.body, times.body, usual.body),
        ]
        let pools = route.retries == nil ? split.pools.map(\.pool) : Array(split.pools.map(\.pool).prefix(1))
        for pool in pools {
            let retries = route.retries ?? snapshot.pools[pool].retries
            let name = snapshot.pools[pool].name
            let origin = place(origins.pools, pool).map { "pool \(name) [\($0)]" } ?? "pool \(name)"
            let from = route.retries != nil ? here : retries == RetryRules() ? "default" : origin
            rules.append(.init(key: "retries.attempts", value: "\(retries.attempts)", from: from))
            if !retries.statuses.isEmpty {
                rules.append(.init(key: "retries.status", value: statusWords(ranges(retries.statuses)), from: from))
            }
            if let time = retries.perTryTimeout {
                rules.append(.init(key: "retries.per_try", value: time.configured, from: from))
            }
        }
        let body = route.limits.bodyBytes ?? snapshot.limits.bodyBytes
        rules.append(
            .init(
                key: "limits.body", value: body.map(ByteSize.write) ?? "unlimited",
                from: route.limits.bodyBytes != nil ? here : snapshot.limits.bodyBytes == nil ? "default" : "`limits`"))
        let rate = route.limits.minRate ?? snapshot.limits.minRate ?? 0
        rules.append(
            .init(
                key: "limits.min_rate", value: rate == 0 ? "off" : ByteSize.write(rate),
                from: route.limits.minRate != nil
                    ? here : snapshot.limits.minRate == Limits().minRate ? "default" : "`limits`"))
        if let requests = route.limits.requests {
            rules.append(.init(key: "limits.requests", value: "\(requests)", from: here))
        }
        if route.priority != .normal { rules.append(.init(key: "priority", value: "\(route.priority)", from: here)) }
        return rules
    }

    private func place(_ places: [Origins.Place], _ index: Int) -> String? {
        places.indices.contains(index) ? "\(places[index].file):\(places[index].position.line)" : nil
    }
}

extension RequestExplanation {
    fileprivate mutating func show(_ request: SeenRequest) {
        client = "\(request.client)"
        host = String(decoding: request.bytes[request.head.host], as: UTF8.self)
        path = String(decoding: request.path, as: UTF8.self)
        query = String(decoding: request.query, as: UTF8.self)
    }

    fileprivate mutating func refuse(_ reason: Reason) {
        outcome = .refused(status: reason.status ?? 400, reason: "\(reason.token)")
    }
}
