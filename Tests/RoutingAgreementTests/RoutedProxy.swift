import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit

@testable import ApusConfig

/// A configuration, as `apus explain` reads it and as a data plane runs it, with an origin for each of its pools.
struct RoutedProxy {
    let snapshot: Snapshot
    let proxy: Proxy
    let explainer: RequestExplainer
    private let origins: [Origin]

    static let poolNames = ["api", "web", "next"]

    static func origins() throws -> [Origin] {
        try poolNames.map { _ in try Origin(answer: "HTTP/1.1 200 OK\r\nX-Origin: 1\r\nContent-Length: 0\r\n\r\n") }
    }

    /// - Parameter text: a configuration without its `pools`.
    init(configuration text: String) throws {
        let origins = try Self.origins()
        let pools = zip(Self.poolNames, origins).map { "  \($0): { endpoints: [127.0.0.1:\($1.address.port)] }\n" }
        let loader = ConfigurationLoader(resolve: { _ in [] }, defaultWorkers: 1)
        let loaded = try loader.load(text: text + "\npools:\n" + pools.joined(), file: "apus.yaml")
        try self.init(loaded.snapshot, origins)
    }

    /// - Parameter routes: those of the only listener.
    init(_ routes: [Route], trusting proxies: [Network], paths: PathRule = .safe) throws {
        let origins = try Self.origins()
        let endpoints = origins.enumerated().map { index, origin in
            Endpoint(name: "127.0.0.1:\(origin.address.port)", address: origin.address, pool: index)
        }
        let pools = Self.poolNames.enumerated().map { Pool(name: $1, endpoints: $0..<$0 + 1) }
        try self.init(
            Snapshot(
                workers: 1, listeners: [Listener(name: "a", bind: .loopback(0), routes: routes.indices, paths: paths)],
                routes: routes, pools: pools, endpoints: endpoints, trustedProxies: proxies), origins)
    }

    private init(_ snapshot: Snapshot, _ origins: [Origin]) throws {
        self.snapshot = snapshot
        self.origins = origins
        proxy = try Proxy(snapshot, to: origins)
        explainer = RequestExplainer(snapshot)
    }

    // MARK: - Told

    func told(_ request: DescribedRequest) throws -> Outcome {
        Outcome(try explainer.explain(request), of: request)
    }

    // MARK: - Seen

    /// Sends the request on a connection of its own, from the client's address, and sees what becomes of it.
    ///
    /// - Parameters:
    ///   - told: what is known of it, which names the fields to look at.
    ///   - target: what stands in the request line; nil for what stands there mostly.
    func seen(_ request: DescribedRequest, told: Outcome, target: String? = nil) throws -> Outcome {
        let before = counts()
        let received = origins.map(\.requests.count)
        let client = try proxy.connect(from: request.client)
        try client.send(try bytes(request, target))
        let response = try client.readResponse(to: request.method)
        var after = before
        try proxy.eventually("the request to be counted") {
            after = counts()
            return after != before
        }
        let row = before.indices.first { after[$0] != before[$0] } ?? 0
        var seen = Outcome(
            route: row < snapshot.routes.count ? snapshot.routes[row].name : "none",
            answer: answer(response, to: request))
        seen.responseFields = told.responseFields.reduce(into: [:]) { $0[$1.key] = response.fields.all($1.key) }
        guard let pool = origins.indices.first(where: { origins[$0].requests.count > received[$0] }) else {
            return seen
        }
        let last = try last(of: origins[pool])
        seen.pools = [Self.poolNames[pool]]
        seen.answer = .forwarded(method: last.method, target: last.target, host: last.fields["Host"] ?? "")
        seen.requestFields = told.requestFields.reduce(into: [:]) { $0[$1.key] = last.fields.all($1.key) }
        return seen
    }

    private func last(of origin: Origin) throws -> Request {
        guard let last = origin.requests.last else { throw KitError.timedOut("a request") }
        return last
    }

    private func bytes(_ request: DescribedRequest, _ target: String?) throws -> [UInt8] {
        guard let parts = request.parts else { throw KitError.malformed("no URL", received: bytes(request.url)) }
        var head = request.head(parts, ownAddress: "\(snapshot.listeners[0].bind)")
        if let target {
            let lines = text(head).split(separator: "\r\n", maxSplits: 1, omittingEmptySubsequences: false)
            // What the target says goes before what Host says (RFC 9112 section 3.2.2).
            let rest = lines[1].replacing("Host: \(parts.authority)\r\n", with: "Host: elsewhere.test\r\n")
            head = bytes("\(request.method) \(target) HTTP/1.1\r\n\(rest)")
        }
        let length = request.headers.first { $0.name.lowercased() == "content-length" }.flatMap { Int($0.value) }
        return head + Array(repeating: UInt8(ascii: "x"), count: length ?? 0)
    }

    private func bytes(_ text: String) -> [UInt8] { ApusTestKit.bytes(text) }

    private func answer(_ response: Response, to request: DescribedRequest) -> Outcome.Answer {
        if let reason = response.reason { return .refused(status: response.status, reason: reason) }
        if let location = response.fields["Location"] { return .redirect(status: response.status, location: location) }
        let isTrace = response.fields["Content-Type"] == "message/http"
        return .response(
            status: response.status, body: isTrace ? "the request's own head" : bodyWords(response.body))
    }

    /// The requests of each route, and, behind them, those of none.
    private func counts() -> [UInt64] {
        let layout = proxy.layout
        func requests(_ row: Int) -> UInt64 {
            (layout.endpoints(row: row).map(Int?.init) + [nil]).reduce(0) { sum, endpoint in
                (0..<CounterLayout.statusClasses).reduce(sum) {
                    $0 + proxy.dataPlane.total(layout.requests(row: row, endpoint: endpoint, statusClass: $1))
                }
            }
        }
        let routes = snapshot.routes.enumerated().map { index, route in
            (0..<max(1, route.pools.count)).reduce(0) { $0 + requests(layout.row(route: index, branch: $1)) }
        }
        return routes + [requests(layout.unroutedRow(listener: 0))]
    }
}
