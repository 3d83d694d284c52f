import ApusModel
import ApusRouting

extension Validation {
    /// Nil when a pool is missing or the action is wrong; there is an error then.
    mutating func route(_ section: RouteSection) -> Route? {
        guard let written = section.action, let action = action(written) else { return nil }
        warnOfUselessKeys(section)
        var route = Route(name: section.name, match: section.match, action: action, priority: section.priority)
        route.rewrite = section.rewrite.path
        route.hostRewrite = section.rewrite.host
        route.requestFields = section.headers.request
        route.responseFields = section.headers.response
        route.timeouts = section.timeouts
        route.limits = section.limits
        route.cors = section.cors
        route.clientCertificate = section.clientCertificate
        checkCrossOrigin(section)
        if let retries = section.retries, case .forward(let split) = action, let first = split.pools.first {
            var pool = root.pools[first.pool].retries.rules
            pool.attempts = attempts(of: root.pools[first.pool])
            route.retries = retries.rules(over: pool)
            checkPerTry(retries, section)
            if let rules = route.retries, rules.attempts > 1 {
                checkKeptBodies(section, retries, split.pools.map { root.pools[$0.pool] })
            }
        }
        if let position = section.written?.right("priority")?.key.position, !route.pools.isEmpty,
            route.pools.allSatisfy({ root.pools[$0.pool].pool.concurrency == nil })
        {
            findings.warning(
                "`priority` has no effect: the pool `\(root.pools[route.pools[0].pool].name.value)` refuses nothing; give "
                    + "it a limit with `concurrency: adaptive`", at: position)
        }
        return route
    }

    private mutating func action(_ section: RouteActionSection) -> RouteAction? {
        switch section {
        case .redirect(let redirect): return .redirect(redirect.value)
        case .respond(let response): return .respond(response)
        case .forward(let branches, let key):
            // All of them are looked up, so that every mistake is told.
            let pools = branches.map { (pool(named: $0.pool), $0.weight) }
            let known = pools.compactMap { index, weight in index.map { WeightedPool(pool: $0, weight: weight) } }
            return known.count == branches.count ? .forward(Split(known, key: key)) : nil
        }
    }

    private mutating func checkPerTry(_ retries: RouteRetriesSection, _ section: RouteSection) {
        let responseHead = section.timeouts.responseHead ?? root.timeouts.responseHead
        guard let perTry = retries.perTry, let position = retries.perTryPosition, perTry >= responseHead else { return }
        findings.warning(
            "`per_try` has no effect: `response_head` ends an attempt after \(responseHead.configured) already",
            at: position)
    }

    private mutating func warnOfUselessKeys(_ section: RouteSection) {
        switch section.action {
        case nil, .forward: return
        case .respond: break
        case .redirect(let redirect):
            if leadsToItself(redirect.value, section.match) {
                findings.warning(
                    "this redirect leads to the same route again, so that browsers end it with an error; name another "
                        + "place, or a route for it before this one", at: redirect.position)
            }
        }
        for key in section.poolKeys {
            findings.warning(
                "`\(key.value)` has no effect: this route answers by itself, and nothing is sent to a pool",
                at: key.position)
        }
    }

    /// Whether a client that follows the redirect certainly comes back to the same route.
    private func leadsToItself(_ redirect: Redirect, _ match: RouteMatch) -> Bool {
        let same: [[TextTemplate.Piece]] = [
            [.variable(.path)], [.variable(.path), .variable(.query)],
            [.variable(.scheme), .literal(Array("://".utf8)), .variable(.host), .variable(.path)],
            [.variable(.scheme), .literal(Array("://".utf8)), .variable(.host), .variable(.path), .variable(.query)],
        ]
        let keepsQuery = redirect.location.pieces.contains(.variable(.query))
        // 303, and mostly 301 and 302, make the next request a GET (RFC 9110 section 15.4).
        let keepsMethod = [307, 308].contains(redirect.status)
        guard match.query.isEmpty || keepsQuery, match.methods.isEmpty || keepsMethod else { return false }
        if same.contains(redirect.location.pieces) { return true }
        guard case .literal(let bytes)? = redirect.location.pieces.first, redirect.location.pieces.count == 1,
            bytes.first == UInt8(ascii: "/"), !bytes.starts(with: Array("//".utf8)), match.query.isEmpty
        else { return false }
        let path = Array(bytes.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        return match.path.matches(path.span)
    }

    /// No two routes of a listener may share a name that was given to them.
    mutating func checkNames(_ routes: [RouteSection]) {
        var places: [String: SourcePosition] = [:]
        for route in routes {
            guard let position = route.namePosition else { continue }
            if let other = places.updateValue(position, forKey: route.name) {
                findings.error(
                    "the name `\(route.name)` also belongs to the route in \(findings.told(other, from: position)); give "
                        + "each its own", at: position)
            }
        }
    }

    /// A route that an earlier one leaves nothing to is a mistake: it, or the order, was meant otherwise.
    mutating func checkReachability(_ routes: [RouteSection]) {
        var coverage = RouteCoverage()
        // Copying a section copies everything in it.
        for index in routes.indices where routes[index].isUnderstood {
            let match = routes[index].match
            if let first = coverage.firstCovering(match) {
                let (route, earlier) = (routes[index], routes[first])
                findings.error(
                    "the route `\(route.name)` can never match: the route `\(earlier.name)` in "
                        + "\(findings.told(earlier.position, from: route.position)) matches all that it could; move it "
                        + "before that one, or remove it", at: route.position)
            }
            coverage.add(match, index)
        }
    }
}
