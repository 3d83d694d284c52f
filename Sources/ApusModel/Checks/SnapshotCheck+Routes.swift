public import ApusAddresses
import ApusRouting

/// Listeners and routes.
extension SnapshotCheck {
    mutating func listeners() {
        if snapshot.listeners.isEmpty { problem("listeners", found: "none", expected: "at least one") }
        var end = 0
        var names: Set<String> = []
        // By port: few listeners share one.
        var binds: [UInt16: [SocketAddress]] = [:]
        each(snapshot.listeners) { check, listener, index in
            check.label(listener.name, "listeners[\(index)].name")
            if !names.insert(listener.name).inserted {
                check.problem(
                    "listeners[\(index)].name", found: Self.quoted(listener.name), expected: "a name of its own")
            }
            if binds[listener.bind.port]?.contains(where: { $0.collides(with: listener.bind) }) == true {
                check.problem(
                    "listeners[\(index)].bind", found: "\(listener.bind)",
                    expected: "an address that no listener before it has")
            }
            binds[listener.bind.port, default: []].append(listener.bind)
            check.range(
                listener.routes, of: "routes", from: &end, below: check.snapshot.routes.count,
                "listeners[\(index)].routes")
        }
        whole(end, of: snapshot.routes.count, "routes", by: "listeners")
        var paths: Set<String> = []
        each(snapshot.operations.admin) { check, admin, index in
            let isFree =
                switch admin.bind {
                case .unix(let path): paths.insert(path).inserted
                case .address(let address): binds[address.port]?.contains { $0.overlaps(address) } != true
                }
            if case .address(let address) = admin.bind { binds[address.port, default: []].append(address) }
            guard !isFree else { return }
            check.problem(
                "operations.admin[\(index)].bind", found: "\(admin.bind)",
                expected: "an address that no listener before it has")
        }
    }

    /// The ranges of listeners, and of pools, follow each other without gaps.
    mutating func range(
        _ range: Range<Int>, of what: String, from end: inout Int, below count: Int, _ place: @autoclosure () -> String
    ) {
        if range.lowerBound != end || range.upperBound > count || range.isEmpty {
            problem(
                place(), found: "\(range)",
                expected: "at least one of `\(what)`, from \(end) on and below \(count)")
        }
        end = max(end, min(range.upperBound, count))
    }

    mutating func whole(_ end: Int, of count: Int, _ what: String, by owners: String) {
        guard end < count else { return }
        problem(what, found: "\(count - end) that belong to none of `\(owners)`", expected: "an owner for each")
    }

    mutating func routes() {
        each(snapshot.routes) { check, route, index in
            let place = { "routes[\(index)]" }
            check.label(route.name, place() + ".name")
            check.match(route.match, place)
            check.action(route.action, place)
            check.edits(of: route, place)
            check.duration(route.timeouts.connect, place() + ".timeouts.connect")
            check.duration(route.timeouts.responseHead, place() + ".timeouts.responseHead")
            check.duration(route.timeouts.body, place() + ".timeouts.body")
            check.duration(route.timeouts.stream, place() + ".timeouts.stream")
            if let retries = route.retries { check.retries(retries) { place() + ".retries" } }
            check.number(route.limits.bodyBytes, in: 0...Int.max, place() + ".limits.bodyBytes")
            check.number(route.limits.minRate, in: 0...Bounds.minRatesInCode.upperBound, place() + ".limits.minRate")
            check.number(route.limits.requests, in: Bounds.counts, place() + ".limits.requests")
            check.number(route.filters.count, in: Bounds.filtersPerRoute, place() + ".filters.count")
            if let cors = route.cors { check.crossOrigin(cors, of: route) { place() + ".cors" } }
        }
    }

    private mutating func match(_ match: RouteMatch, _ place: () -> String) {
        each(match.hosts) { check, host, index in
            switch host {
            case .any: break
            case .exact(let name): check.host(name, place() + ".match.hosts[\(index)]")
            case .suffix(let name):
                check.host(name, place() + ".match.hosts[\(index)]")
                guard name.count < 2 || name.first != UInt8(ascii: ".") else { return }
                check.problem(
                    place() + ".match.hosts[\(index)]", found: Self.quoted(name),
                    expected: "a suffix that begins with its dot")
            }
        }
        switch match.path {
        case .exact(let path), .prefix(let path): target(path, place() + ".match.path")
        case .any, .template, .regex: break
        }
        each(match.methods) { check, method, index in check.token(method, place() + ".match.methods[\(index)]") }
        each(match.fields) { check, condition, index in
            check.token(condition.name, place() + ".match.fields[\(index)].name")
        }
        each(match.cookies) { check, condition, index in
            check.token(condition.name, place() + ".match.cookies[\(index)].name")
        }
        each(match.query) { check, condition, index in
            check.label(condition.name, place() + ".match.query[\(index)].name")
        }
    }

    private mutating func host(_ name: [UInt8], _ place: @autoclosure () -> String) {
        let isGood = name.allSatisfy { (0x21...0x7e).contains($0) && $0 &- UInt8(ascii: "A") >= 26 }
        guard name.isEmpty || name.count > 255 || !isGood else { return }
        problem(place(), found: Self.quoted(name), expected: "1 to 255 bytes of a host in lower case")
    }

    private mutating func action(_ action: RouteAction, _ place: () -> String) {
        switch action {
        case .forward(let split): self.split(split, place)
        case .redirect(let redirect):
            if !Bounds.redirectStatuses.contains(redirect.status) {
                problem(
                    place() + ".action.status", found: "\(redirect.status)", expected: "301, 302, 303, 307 or 308")
            }
            template(redirect.location, inURI: true) { place() + ".action.location" }
            if redirect.location.pieces.isEmpty {
                problem(place() + ".action.location", found: "nothing", expected: "where to")
            }
        case .respond(let response):
            answer(status: response.status, contentType: response.contentType, body: response.body) {
                place() + ".action"
            }
        }
    }

    private mutating func split(_ split: Split, _ place: () -> String) {
        if !Bounds.poolsPerRoute.contains(split.pools.count) {
            problem(place() + ".action.pools", found: "\(split.pools.count)", expected: "1 to 16 pools")
        }
        each(split.pools) { check, branch, index in
            check.index(
                branch.pool, of: "pools", below: check.snapshot.pools.count,
                place() + ".action.pools[\(index)].pool")
            check.number(branch.weight, in: Bounds.weights, place() + ".action.pools[\(index)].weight")
        }
        if !split.pools.isEmpty, split.pools.allSatisfy({ $0.weight == 0 }) {
            problem(place() + ".action.pools", found: "weights of 0 only", expected: "one that is more")
        }
        if let key = split.key { hashKey(key) { place() + ".action.key" } }
    }

    /// A response that Apus gives by itself.
    mutating func answer(status: Int, contentType: String, body: [UInt8], _ place: () -> String) {
        number(status, in: Bounds.answeredStatuses, place() + ".status")
        fieldValue(contentType.utf8, place() + ".contentType")
        guard body.count > Bounds.answeredBodyBytesInCode else { return }
        problem(place() + ".body", found: "\(body.count) bytes", expected: "at most 1 MiB")
    }

    private mutating func edits(of route: Route, _ place: () -> String) {
        switch route.rewrite {
        case nil: break
        case .prefix(let prefix): target(prefix, place() + ".rewrite")
        case .template(let path): template(path, inURI: true) { place() + ".rewrite" }
        }
        if let host = route.hostRewrite { template(host, inURI: true) { place() + ".hostRewrite" } }
        for (name, edits) in [("requestFields", route.requestFields), ("responseFields", route.responseFields)] {
            each(edits) { check, edit, index in
                func field() -> String { place() + ".\(name)[\(index)]" }
                check.token(edit.name, field() + ".name")
                switch edit {
                case .set(_, let value), .add(_, let value): check.template(value, inURI: false) { field() }
                case .remove: break
                }
            }
        }
    }

    /// What it holds of its own must not end the line that it is written into.
    private mutating func template(_ template: TextTemplate, inURI: Bool, _ place: () -> String) {
        for case .literal(let bytes) in template.pieces {
            if inURI, !bytes.allSatisfy({ (0x21...0x7e).contains($0) }) {
                return problem(place(), found: Self.quoted(bytes), expected: "visible ASCII")
            }
            fieldValue(bytes, place())
        }
    }
}

extension SocketAddress {
    /// Whether both cannot be bound at once. A single address beside all addresses is no collision: the system hands a
    /// connection to the more exact of the two.
    public func collides(with other: SocketAddress) -> Bool {
        let everything = [IPAddress.anyIPv4, .anyIPv6]
        guard port == other.port, port != 0 else { return false }
        return ip == other.ip || (everything.contains(ip) && everything.contains(other.ip))
    }

    /// Whether both are the same, or one lies within the other. Listeners may overlap: their sockets share the port. Whoever
    /// binds without sharing it, as the admin server does, may not.
    public func overlaps(_ other: SocketAddress) -> Bool {
        guard port == other.port, port != 0 else { return false }
        return ip == other.ip || ip.covers(other.ip) || other.ip.covers(ip)
    }
}

extension IPAddress {
    /// Whether a socket that is bound to this gets what is sent to the other.
    fileprivate func covers(_ other: IPAddress) -> Bool {
        self == .anyIPv6 || self == .anyIPv4 && (other.isIPv4 || other == .anyIPv6)
    }
}
