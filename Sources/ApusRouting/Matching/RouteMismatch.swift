public import ApusAddresses
public import ApusHTTP

/// The first thing that a route asks and a request does not have.
public enum RouteMismatch: Sendable, Equatable {
    /// None of the route's hosts is the request's, which is the one found.
    case host(found: [UInt8])
    case path(found: [UInt8])
    case method(found: [UInt8])
    /// A header field fails its condition. Found are its values; none when the request has no such field.
    case field(ValueCondition, found: [[UInt8]])
    /// Found are the values decoded.
    case query(ValueCondition, found: [[UInt8]])
    case cookie(ValueCondition, found: [[UInt8]])
    case client(found: IPAddress)
}

extension RouteMatch {
    /// What a request lacks first, in the order host, path, method, fields, query, cookies, client; nil if nothing.
    ///
    /// This is what matching means, written for reading: `RouteTable.route` must find the first route of which this says
    /// nil. It allocates and is not for the request path.
    ///
    /// - Parameters:
    ///   - path: what is matched: a reading of the request's path, and `/` for an empty one.
    ///   - bytes: those that `head` and `fields` were parsed from.
    ///   - client: the client's address, seen through trusted proxies.
    public func firstMismatch(
        head: RequestHead, path: Span<UInt8>, fields: borrowing FieldTable, bytes: Span<UInt8>, client: IPAddress
    ) -> RouteMismatch? {
        let host = bytes.extracting(head.host)
        if !hosts.isEmpty, !hosts.contains(where: { $0.matches(host) }) { return .host(found: bytes.array(head.host)) }
        if !self.path.matches(path) { return .path(found: path.array(0..<path.count)) }
        let method = bytes.array(head.line.methodRange)
        if !methods.isEmpty, !methods.contains(where: { Array($0.utf8) == method }) { return .method(found: method) }
        for condition in self.fields {
            let found = values { isWanted in
                fields.containsValue(of: Array(condition.name.utf8).span, in: bytes, where: isWanted)
            }
            if !condition.isMet(by: found, of: bytes) { return .field(condition, found: found.map { bytes.array($0) }) }
        }
        for condition in query {
            let found = values { isWanted in
                head.target.containsQueryParameter(Array(condition.name.utf8).span, in: bytes, where: isWanted)
            }
            let decoded = found.map { bytes.extracting($0).decodedForm() }
            if decoded.contains(where: { condition.test.passes($0.span) }) == condition.isNegated {
                return .query(condition, found: decoded)
            }
        }
        for condition in cookies {
            let found = values { isWanted in
                fields.containsCookie(Array(condition.name.utf8).span, in: bytes, where: isWanted)
            }
            if !condition.isMet(by: found, of: bytes) {
                return .cookie(condition, found: found.map { bytes.array($0) })
            }
        }
        if !clients.isEmpty, !clients.contains(where: { $0.contains(client) }) { return .client(found: client) }
        return nil
    }
}

extension ValueCondition {
    /// Whether it is met by a request in which the values by its name are those at `ranges` of `bytes`.
    func isMet(by ranges: [Range<Int>], of bytes: Span<UInt8>) -> Bool {
        ranges.contains { test.passes(bytes.extracting($0)) } != isNegated
    }
}

extension ValueTest {
    /// Whether a value passes this test.
    public func passes(_ value: Span<UInt8>) -> Bool {
        switch self {
        case .present: true
        case .exact(let exact): pathEquals(value, exact.span)
        case .prefix(let prefix): pathStarts(value, with: prefix.span)
        case .regex(let regex): regex.matchesWhole(value)
        }
    }
}

/// All ranges that `visit` asks about.
private func values(_ visit: ((Range<Int>) -> Bool) -> Bool) -> [Range<Int>] {
    var found: [Range<Int>] = []
    _ = visit { value in
        found.append(value)
        return false
    }
    return found
}

extension Span where Element == UInt8 {
    fileprivate func array(_ range: Range<Int>) -> [UInt8] { range.map { self[$0] } }
}
