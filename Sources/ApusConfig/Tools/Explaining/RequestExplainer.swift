import ApusAddresses
import ApusExchange
import ApusHTTP
public import ApusModel
import ApusRouting
import FoundationEssentials

/// Tells what would become of requests under a configuration, without a socket: by the plan that a worker carries out
/// (`RequestPlan`), on a desk of its own.
public struct RequestExplainer: Sendable {
    let snapshot: Snapshot
    let rules: RequestRules
    private let origins: Origins
    private let states: [String: EndpointState]
    /// Seconds since 1970, for lists of revoked certificates.
    let now: Int64

    /// Why a request cannot be explained: its description is at fault, or names what is not there.
    public struct Refusal: Error, CustomStringConvertible {
        public let description: String
    }

    /// - Parameters:
    ///   - states: what a running Apus told of its endpoints; none when none was asked.
    ///   - now: seconds since 1970; nil for what the clock says.
    public init(
        _ snapshot: Snapshot, origins: Origins = Origins(), states: [EndpointState] = [], now: Int64? = nil
    ) {
        self.snapshot = snapshot
        self.now = now ?? Int64(Date().timeIntervalSince1970)
        rules = RequestRules(snapshot)
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
        explanation.show(request, parts, ownAddress: "\(bound.bind)")
        if !bound.proxyNetworks.isEmpty {
            explanation.proxyProtocol = bound.proxyNetworks.map(\.description).joined(separator: ", ")
        }
        let arrival = Arrival(
            listener: listener, peer: request.client,
            isTrusted: snapshot.trustedProxies.contains { $0.contains(request.client) }, isSecure: bound.tls != nil,
            policy: policy(bound, parts, listener))
        guard explainTLS(bound, parts, in: &explanation),
            let shown = explainClient(request, bound, parts, in: &explanation)
        else { return explanation }
        do throws(Reason) {
            var seen = try SeenRequest(request.head(parts, ownAddress: "\(bound.bind)"), arrival, rules)
            explanation.removedHeaders = seen.hiddenNames
            explanation.show(seen)
            seen.shown = shown
            try explain(rules.plan(&seen.hand, arrival, &seen.desk), &seen, in: &explanation)
        } catch {
            explanation.refuse(error)
        }
        return explanation
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
        if let isSecure = parts.isSecure,
            let index = candidates.first(where: { (snapshot.listeners[$0].tls != nil) == isSecure }),
            candidates.contains(where: { snapshot.listeners[$0].tls != nil })
        {
            return (index, "the first \(isSecure ? "with" : "without") TLS; `--listener` names another")
        }
        guard let first = candidates.first else { throw Refusal(description: "there is no listener") }
        return (first, "the first of \(candidates.count); `--listener` names another")
    }

    // MARK: - Which route

    private func explain(
        _ plan: RequestPlan, _ request: inout SeenRequest, in explanation: inout RequestExplanation
    ) throws(Reason) {
        if plan == .lastRecipient {
            // RFC 9110 section 7.6.2: nobody is asked further.
            let body = request.hand.head.method == .trace ? "the request's own head" : bodyWords([])
            explanation.outcome = .respond(status: 200, body: body)
            return
        }
        // A path that is refused for itself has not come to any route.
        guard plan != .refuse(.badPath), request.normalizePath(by: rules) else { throw .badPath }
        explanation.show(request)
        let taken = route(of: request.path, request)
        explanation.trials = trials(of: request, until: taken)
        explanation.readings = readings(of: request)
        switch plan {
        case .lastRecipient, .refuse(.noRoute): return
        case .refuse(let reason): throw reason
        case .route(let route):
            explanation.route = snapshot.routes[route].name
            try explain(route, &request, in: &explanation)
        }
    }

    /// The route of one reading of a request's path.
    private func route(of path: [UInt8], _ request: borrowing SeenRequest) -> Int? {
        snapshot.route(
            listener: request.arrival.listener, head: request.hand.head, path: path.span, fields: request.hand.fields,
            bytes: request.desk.head.span, client: request.client)
    }

    /// The routes that were looked at, and why they are not for the request.
    private func trials(of request: borrowing SeenRequest, until taken: Int?) -> [RequestExplanation.Trial] {
        var trials: [RequestExplanation.Trial] = []
        for index in snapshot.listeners[request.arrival.listener].routes where taken.map({ index <= $0 }) ?? true {
            let route = snapshot.routes[index]
            let mismatch = route.match.firstMismatch(
                head: request.hand.head, path: request.path.span, fields: request.hand.fields,
                bytes: request.desk.head.span, client: request.client)
            trials.append(
                .init(
                    route: route.name, origin: place(origins.routes, index), matches: index == taken,
                    mismatch: mismatch?.words(of: route)))
        }
        return trials
    }

    private func explain(
        _ index: Int, _ request: inout SeenRequest, in explanation: inout RequestExplanation
    ) throws(Reason) {
        let route = snapshot.routes[index]
        let settings = rules.routes[index]
        if let answer = request.crossOrigin(of: index, by: rules) {
            explanation.cors = request.words(of: answer, by: index, rules)
            explanation.responseEdits = request.crossOriginEdits(answer, of: index, by: rules)
            if answer.isPreflight {
                explanation.outcome = .respond(status: 204, body: bodyWords([]))
                return
            }
        }
        guard rules.admits(request.shown.names, to: index) else { throw .clientCertificateRequired }
        if settings.action == .forward, !settings.takes(request.hand.head.framing) { throw .bodyTooLarge }
        var filling = request.filling(of: index, by: rules)
        switch route.action {
        case .redirect(let redirect):
            try rules.writeAnswerFields(of: index, &filling, to: &request.desk)
            explanation.outcome = .redirect(status: redirect.status, location: request.location(of: index, by: rules))
        case .respond(let response):
            try rules.writeAnswerFields(of: index, &filling, to: &request.desk)
            explanation.outcome = .respond(status: response.status, body: bodyWords(response.sentBody))
        case .forward(let split):
            _ = try rules.writeResponseFields(of: index, &filling, to: &request.desk)
            // What it gets is told in parts below.
            try rules.writeForwarded(
                &request.hand, by: index, &filling, request.arrival, ownPort: 0, to: &request.desk,
                clientAddress: { _ in }, ownAddress: { _ in })
            explain(split, of: index, &request, in: &explanation)
        }
        explanation.responseEdits.insert(
            contentsOf: request.edits(route.responseFields, of: index, by: rules), at: 0)
    }

    private func explain(
        _ split: Split, of index: Int, _ request: inout SeenRequest, in explanation: inout RequestExplanation
    ) {
        let route = snapshot.routes[index]
        explanation.outcome = .forward(split: split.key?.words)
        explanation.forwarded = .init(
            method: explanation.method, path: request.target(of: index, by: rules),
            host: request.host(of: index, by: rules),
            edits: request.edits(route.requestFields, of: index, by: rules),
            certificateFields: rules.routes[index].tellsCertificate ? request.shown.fields : [])
        let total = split.pools.reduce(0) { $0 + $1.weight }
        explanation.pools = split.pools.map { weighted in
            pool(weighted.pool, share: total == 0 ? 0 : 100 * Double(weighted.weight) / Double(total))
        }
        explanation.rules = inForce(route, index, split)
        let paths = snapshot.listeners[request.arrival.listener].paths
        if paths != .safe {
            explanation.rules.append(.init(key: "paths", value: paths.rawValue, from: "the listener"))
        }
    }

    /// The readings of the path, each once, with the routes that they go to; none if there is only one.
    private func readings(of request: borrowing SeenRequest) -> [RequestExplanation.Reading] {
        guard snapshot.listeners[request.arrival.listener].paths != .literal else { return [] }
        let path = request.pathAsItCame
        let readings = PathReadings(PathOddities(path.span))
        var found: [RequestExplanation.Reading] = []
        for number in 0..<(readings.count > 1 ? readings.count : 0) {
            var reading = RequestExplanation.Reading()
            if let path = try? readings[number].of(path) {
                reading.path = String(decoding: path, as: UTF8.self)
                reading.route = route(of: path, request).map { snapshot.routes[$0].name }
            }
            if !found.contains(reading) { found.append(reading) }
        }
        return found
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
                weight: state?.weight ?? endpoint.weight, tier: endpoint.tier,
                backup: endpoint.isBackup,
                state: state?.words ?? endpoint.vacancy,
                mayBePicked: state.map { $0.isAvailable && $0.weight > 0 } ?? (endpoint.weight == 0 ? false : nil))
        }
        let rules = Settings(pool, of: snapshot).entries.filter { !told.contains($0.key) && !$0.isUsual }
        return RequestExplanation.Pool(
            name: pool.name, origin: place(origins.pools, index), share: share, balance: pool.balance.rawValue,
            endpoints: endpoints, rules: rules.map { "\($0.key): \($0.value.inline)" })
    }

    // MARK: - Which rules

    private func inForce(_ route: Route, _ index: Int, _ split: Split) -> [RequestExplanation.Rule] {
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
        if route.timeouts.stream != nil || times.stream != usual.stream {
            rules.append(duration("stream", route.timeouts.stream, times.stream, usual.stream))
        }
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
            if retries.repeatsAll {
                rules.append(.init(key: "retries.non_idempotent", value: "true", from: from))
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
        if let cors = route.cors { rules.append(.init(key: "cors", value: Settings(cors).inline, from: here)) }
        if let requirement = route.clientCertificate {
            rules.append(
                .init(key: "client_certificate", value: requirement.words.joined(separator: ", "), from: here))
        }
        if route.priority != .normal { rules.append(.init(key: "priority", value: "\(route.priority)", from: here)) }
        return rules
    }

    private func place(_ places: [Origins.Place], _ index: Int) -> String? {
        places.indices.contains(index) ? "\(places[index].file):\(places[index].position.line)" : nil
    }
}

extension RequestExplanation {
    /// As it was described, for one whose head nobody reads.
    fileprivate mutating func show(
        _ request: DescribedRequest, _ parts: DescribedRequest.Parts, ownAddress: String
    ) {
        host = request.headers.last { $0.name.lowercased() == "host" }?.value ?? parts.host
        if host.isEmpty { host = ownAddress }
        path = String(parts.target.prefix { $0 != "?" })
        query = String(parts.target.dropFirst(path.count))
    }

    fileprivate mutating func show(_ request: borrowing SeenRequest) {
        client = "\(request.client)"
        host = request.text(request.hand.head.host)
        path = String(decoding: request.path, as: UTF8.self)
        query = request.text(request.query)
    }

    mutating func refuse(_ reason: Reason) {
        outcome = .refused(status: reason.status ?? 400, reason: "\(reason.token)")
    }
}

extension Endpoint {
    /// Why nobody is ever sent to it; nil where somebody may be.
    fileprivate var vacancy: String? {
        guard isUnresolved else { return nil }
        return isRefused ? "its host name leads to the admin server" : "its host name has no address"
    }
}
