import ApusBalancing
public import ApusHTTP
public import ApusModel
import ApusRouting

/// What the request path reads of a route, as plain numbers: times in microseconds, what the listener says
/// filled in where the route says nothing.
public struct RouteSettings: BitwiseCopyable, Sendable {
    public enum Action: UInt8, BitwiseCopyable, Sendable {
        case forward, redirect, respond
        /// A redirect whose Location could name another host than the one it was written for.
        case checkedRedirect
    }

    /// The only pool, or the first; -1 without one.
    public let pool: Int
    public let priority: Priority
    /// There is nothing but a pool and a priority: whoever sees this needs to look no further.
    public let isPlain: Bool
    public let action: Action

    /// Its pools, as a range of `RouteParts.branches`, and the sum of their weights; empty unless there are several.
    public let firstBranch: Int32
    public let branchCount: Int32
    public let totalWeight: Int
    /// What decides among them, as an index into `RouteParts.splitKeys`; -1 for chance.
    public let splitKey: Int32

    public let connect: Int64
    public let responseHead: Int64
    public let body: Int64
    /// Without progress of a response that is a stream of events.
    public let stream: Int64
    public let bodyLimit: UInt64
    /// Bytes per second; 0 for any.
    public let minRate: Int64
    /// Requests in flight, over all workers; `.max` for no limit.
    public let requestLimit: Int

    /// Whether retries follow the route's rules, and what `PoolSettings` has of them otherwise.
    public let hasOwnRetries: Bool
    public let perTry: Int64
    public let keptBody: Int
    public let repeatsAll: Bool

    /// What of a request's head is written anew.
    public let rewrites: ForwardedRequest.Rewrites
    public let path: TemplateTable.Name
    public let host: TemplateTable.Name
    /// The lines that are added to the request, and to the response.
    public let requestLines: TemplateTable.Name
    /// What X-Forwarded-Prefix ends with.
    public let strippedPrefix: TemplateTable.Name
    public let responseLines: TemplateTable.Name
    /// Where a redirect leads.
    public let location: TemplateTable.Name
    /// Fields that are left out, as ranges of `RouteParts.names`.
    public let requestNames: NameRange
    public let responseNames: NameRange
    /// Bytes of a path that the route's prefix takes up, without a slash at its end; -1 where it has no prefix.
    public let prefixCount: Int32
    public let usesClient: Bool
    public let usesCaptures: Bool
    /// What it says to pages of other origins, as an index into `RouteParts.crossOrigins`; -1 where it says nothing.
    public let crossOrigin: Int32
    /// Whom a client's certificate must name, as an index into `RouteParts.clientRequirements`; -1 for anybody.
    public let clientRequirement: Int32
    /// Origins are told of clients' certificates: the route writes none of these fields itself.
    public let tellsCertificate: Bool
    /// Filters look at its requests.
    public let hasFilters: Bool

    public struct NameRange: BitwiseCopyable, Sendable {
        public var start: Int32 = 0
        public var end: Int32 = 0

        @inlinable public var isEmpty: Bool { start == end }
        @inlinable public var range: Range<Int> { Int(start)..<Int(end) }
    }

    /// The fields by which origins are told of a client's certificate.
    static let certificateFields = ["client-cert", "client-cert-chain", "x-forwarded-client-cert"]

    public init(_ route: Route, of snapshot: Snapshot, adding parts: inout RouteParts) {
        let timeouts = snapshot.timeouts
        pool = route.pools.first?.pool ?? -1
        priority = route.priority
        (firstBranch, branchCount, totalWeight) = parts.add(branches: route.pools)
        splitKey = if case .forward(let split) = route.action, let key = split.key { parts.add(key) } else { -1 }
        connect = (route.timeouts.connect ?? timeouts.connect).inMicroseconds
        responseHead = (route.timeouts.responseHead ?? timeouts.responseHead).inMicroseconds
        body = (route.timeouts.body ?? timeouts.body).inMicroseconds
        stream = (route.timeouts.stream ?? timeouts.stream).inMicroseconds
        bodyLimit = (route.limits.bodyBytes ?? snapshot.limits.bodyBytes).map(UInt64.init) ?? .max
        minRate = Int64(route.limits.minRate ?? snapshot.limits.minRate ?? 0)
        requestLimit = route.limits.requests ?? .max
        hasOwnRetries = route.retries != nil
        perTry = route.retries?.perTryTimeout?.inMicroseconds ?? .max
        repeatsAll = route.retries?.repeatsAll ?? false
        keptBody = route.retries.map { $0.attempts > 1 ? $0.bodyBytes : 0 } ?? 0

        let captures = route.match.path.captureNames
        let requestEdits = route.requestFields.filter(\.isAllowed)
        let responseEdits = route.responseFields.filter(\.isAllowed)
        path = parts.templates.add(route.rewrite?.wholePath ?? TextTemplate([]), captures: captures)
        host = parts.templates.add(route.hostRewrite ?? TextTemplate([]), captures: captures)
        requestLines = parts.templates.add(linesOf: requestEdits, captures: captures)
        responseLines = parts.templates.add(linesOf: responseEdits, captures: captures)
        requestNames = parts.add(namesLeftOut: requestEdits)
        responseNames = parts.add(
            namesLeftOut: responseEdits, route.cors == nil ? [] : CrossOriginRules.fieldNames)
        crossOrigin = route.cors.map { parts.add($0) } ?? -1
        clientRequirement = route.clientCertificate.map { parts.add($0) } ?? -1
        tellsCertificate = !requestEdits.contains { $0.replaces && Self.certificateFields.contains($0.foldedName) }
        switch route.action {
        case .forward:
            action = .forward
            location = TemplateTable.Name()
        case .redirect(let redirect):
            action = redirect.namesItsHost ? .redirect : .checkedRedirect
            location = parts.templates.add(redirect.location, captures: captures)
        case .respond:
            action = .respond
            location = TemplateTable.Name()
        }
        var rewrites = ForwardedRequest.Rewrites(leavingOut: requestEdits)
        if !path.isEmpty { rewrites.insert(.target) }
        if !host.isEmpty { rewrites.insert(.host) }
        if !requestLines.isEmpty { rewrites.insert(.fields) }
        let stripped =
            requestEdits.contains { $0.replaces && $0.foldedName == "x-forwarded-prefix" }
            ? "" : route.strippedPrefix
        strippedPrefix = parts.templates.add(TextTemplate(literal: stripped), captures: [])
        if !strippedPrefix.isEmpty { rewrites.insert(.prefix) }
        self.rewrites = rewrites
        prefixCount = route.match.path.prefixCount.map(Int32.init) ?? -1
        let templates = [path, host, requestLines, responseLines, location]
        usesClient = templates.contains { $0.usesClient }
        usesCaptures = templates.contains { $0.usesCaptures }
        hasFilters = !route.filters.isEmpty
        isPlain = route.isPlain
    }
}

extension ForwardedRequest.Rewrites {
    /// The fields of Apus's own that a route writes, or wants to be without.
    fileprivate init(leavingOut edits: [FieldEdit]) {
        self = []
        for edit in edits where edit.replaces {
            switch edit.foldedName {
            case "x-forwarded-for": insert(.forwardedFor)
            case "x-forwarded-port": insert(.forwardedPort)
            case "x-forwarded-proto": insert(.forwardedProto)
            case "x-forwarded-host": insert(.forwardedHost)
            default: continue
            }
        }
    }
}
