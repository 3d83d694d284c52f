import ApusAddresses
import ApusModel
import ApusRouting

/// What a request is for.
struct SampleRequest {
    var host = "www.example.com"
    var path = "/"
}

/// Routes of one kind, and requests for them.
struct Mix: Sendable {
    var name: String
    var route: @Sendable (Int) -> Route
    /// One for each of some routes, or the worst that a hostile client could think of.
    var request: @Sendable (Int) -> SampleRequest
    var isHostile = false
    /// Allocates with each request, to show that this is seen.
    var allocates = false
    /// Routes that it has at most.
    var most = Int.max

    func snapshot(routes: Int) -> Snapshot {
        let routes = (0..<min(routes, most)).map(route)
        let address = SocketAddress(ip: .anyIPv4, port: 0)
        return Snapshot(
            workers: 1, listeners: [Listener(name: "", bind: address, routes: 0..<routes.count)], routes: routes,
            pools: [Pool(name: "", endpoints: 0..<0)], endpoints: [])
    }

    /// 512 requests, spread over the routes so that no two follow one another.
    func requests(routes: Int) -> [SampleRequest] {
        isHostile ? [request(routes)] : (0..<512).map { request($0 * 7_919 % routes) }
    }

    static let all: [Mix] = usual + hostile

    private static let usual = [
        Mix(name: "nothing", route: { _ in Route(name: "", pool: 0) }, request: { _ in SampleRequest() }),
        Mix(
            name: "control", route: { _ in Route(name: "", pool: 0) }, request: { _ in SampleRequest() },
            allocates: true),
        Mix(name: "few", route: few, request: fewRequest, most: 5),
        Mix(name: "hosts", route: host, request: { SampleRequest(host: "tenant\($0).example.com", path: "/a/b") }),
        Mix(name: "suffixes", route: suffix, request: { SampleRequest(host: "www.tenant\($0).example.com") }),
        Mix(name: "paths", route: exact, request: { SampleRequest(path: "/api/item\($0)") }),
        Mix(name: "prefixes", route: prefix, request: { SampleRequest(path: "/api/service\($0)/users/17") }),
        Mix(
            name: "prefixes, two readings", route: prefix, request: { SampleRequest(path: "/api/service\($0)/@a%2fb") }),
        Mix(
            name: "prefixes, escapes", route: prefix, request: { SampleRequest(path: "/api/service\($0)/a%20b%c3%a9") }),
        Mix(name: "patterns", route: pattern, request: { SampleRequest(path: "/api/service\($0)/users/17/posts") }),
        Mix(
            name: "patterns, place first", route: placeFirst,
            request: { SampleRequest(path: "/acme/service\($0)/users/17") }),
        Mix(name: "regexes", route: regex, request: { SampleRequest(path: "/api/v2/service\($0)/users17") }),
        Mix(
            name: "regexes, anywhere", route: regexAnywhere,
            request: { SampleRequest(path: "/static/old/file\($0).php") }),
        Mix(
            name: "regexes, intricate", route: regexIntricate,
            request: { SampleRequest(path: "/static/item\($0)/view/part7/x") }),
        Mix(name: "all kinds", route: anyKind, request: anyRequest),
    ]

    private static let hostile = [
        Mix(name: "hosts, hostile", route: host, request: { _ in SampleRequest(host: labels + "tenant1.example.com") }),
        Mix(
            name: "suffixes, hostile", route: suffix,
            request: { _ in SampleRequest(host: labels + "tenantx.example.com") }),
        Mix(name: "paths, hostile", route: exact, request: { _ in SampleRequest(path: segments("/api/item1")) }),
        Mix(name: "prefixes, hostile", route: prefix, request: { _ in SampleRequest(path: segments("/api/service1")) }),
        // As many readings, and as many bytes of them, as are compared.
        Mix(
            name: "readings, hostile", route: prefix,
            request: { _ in SampleRequest(path: odd("//./%2f\\a", count: 1_020)) }),
        Mix(
            name: "long readings, hostile", route: prefix,
            request: { _ in SampleRequest(path: odd("//./a", count: 4_000)) }),
        Mix(
            name: "long readings, regexes anywhere, hostile", route: regexAnywhere,
            request: { SampleRequest(path: "//static" + many($0) { "/file\($0).ph" }) }),
        Mix(
            name: "patterns, hostile", route: pattern,
            request: { _ in SampleRequest(path: segments("/api/service1")) }),
        Mix(
            name: "patterns, place first, hostile", route: placeFirst,
            request: { _ in SampleRequest(path: segments("/service1")) }),
        Mix(
            name: "regexes, hostile", route: regex,
            request: { SampleRequest(path: "/api/v2" + many($0) { "/service\($0)" }) }),
        Mix(
            name: "regexes, anywhere, hostile", route: regexAnywhere,
            request: { SampleRequest(path: "/static" + many($0) { "/file\($0).ph" }) }),
    ].map { mix in
        var mix = mix
        mix.isHostile = true
        return mix
    }

    // MARK: Routes

    @Sendable private static func host(_ index: Int) -> Route {
        Route(name: "", host: .exact(Array("tenant\(index).example.com".utf8)), pool: 0)
    }

    /// What a small site has.
    @Sendable private static func few(_ index: Int) -> Route {
        switch index {
        case 0: Route(name: "", host: .exact(Array("api.example.com".utf8)), path: .prefix(Array("/v1".utf8)), pool: 0)
        case 1: Route(name: "", host: .exact(Array("api.example.com".utf8)), pool: 0)
        case 2: Route(name: "", path: .prefix(Array("/static".utf8)), pool: 0)
        case 3: Route(name: "", path: .exact(Array("/healthz".utf8)), pool: 0)
        default: Route(name: "", pool: 0)
        }
    }

    @Sendable private static func fewRequest(_ index: Int) -> SampleRequest {
        switch index % 4 {
        case 0: SampleRequest(host: "api.example.com", path: "/v1/users/17")
        case 1: SampleRequest(path: "/static/app.css")
        case 2: SampleRequest(path: "/healthz")
        default: SampleRequest(path: "/articles/17")
        }
    }

    @Sendable private static func suffix(_ index: Int) -> Route {
        Route(name: "", host: .suffix(Array(".tenant\(index).example.com".utf8)), pool: 0)
    }

    @Sendable private static func exact(_ index: Int) -> Route {
        Route(name: "", path: .exact(Array("/api/item\(index)".utf8)), pool: 0)
    }

    @Sendable private static func prefix(_ index: Int) -> Route {
        Route(name: "", path: .prefix(Array("/api/service\(index)".utf8)), pool: 0)
    }

    @Sendable private static func pattern(_ index: Int) -> Route { template("/api/service\(index)/users/{id}/posts") }

    @Sendable private static func placeFirst(_ index: Int) -> Route {
        template("/{tenant}/service\(index)/{kind}/{id}")
    }

    private static func template(_ text: String) -> Route {
        guard let template = try? PathTemplate(text) else { fatalError("no template: \(text)") }
        return Route(name: "", path: .template(template), pool: 0)
    }

    @Sendable private static func regex(_ index: Int) -> Route {
        regex("^/api/v[0-9]+/service\(index)/(?<id>[a-z0-9]+)$")
    }

    @Sendable private static func regexAnywhere(_ index: Int) -> Route { regex("/file\(index)\\.(php|html)$") }

    @Sendable private static func regexIntricate(_ index: Int) -> Route { regex("/item\(index)/.*/part[0-9]+/[a-z]+$") }

    private static func regex(_ text: String) -> Route {
        guard let expression = try? RegularExpression(text) else { fatalError("no expression: \(text)") }
        return Route(name: "", path: .regex(expression), pool: 0)
    }

    private static let kinds: [@Sendable (Int) -> Route] = [
        host, suffix, exact, prefix, pattern, placeFirst, regex, regexAnywhere,
    ]

    @Sendable private static func anyKind(_ index: Int) -> Route { kinds[index % kinds.count](index) }

    @Sendable private static func anyRequest(_ index: Int) -> SampleRequest {
        switch index % kinds.count {
        case 0: SampleRequest(host: "tenant\(index).example.com", path: "/a/b")
        case 1: SampleRequest(host: "www.tenant\(index).example.com")
        case 2: SampleRequest(path: "/api/item\(index)")
        case 3: SampleRequest(path: "/api/service\(index)/users/17")
        case 4: SampleRequest(path: "/api/service\(index)/users/17/posts")
        case 5: SampleRequest(path: "/acme/service\(index)/users/17")
        case 6: SampleRequest(path: "/api/v2/service\(index)/users17")
        default: SampleRequest(path: "/static/old/file\(index).php")
        }
    }

    // MARK: What a hostile client sends

    private static let labels = String(repeating: "a.", count: 110)

    /// As long as a target may be.
    private static func segments(_ text: String) -> String { String(repeating: text, count: 8_000 / text.utf8.count) }

    private static func odd(_ text: String, count: Int) -> String {
        let start = "/api/service1/"
        return start + String(repeating: text, count: (count - start.utf8.count) / text.utf8.count)
    }

    /// What belongs to as many routes as a target has room for.
    private static func many(_ routes: Int, _ text: (Int) -> String) -> String {
        var path = ""
        var index = 0
        while path.utf8.count < 8_000 {
            path += text(index % routes)
            index += 1
        }
        return path
    }
}
