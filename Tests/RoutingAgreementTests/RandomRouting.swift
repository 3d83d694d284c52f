import ApusAddresses
import ApusConfig
import ApusModel
import ApusRouting

/// Routes and requests of a small language, so that they often meet; the same for the same seed.
struct RandomRouting {
    private var random: Seeded

    init(seed: UInt64) { random = Seeded(state: seed) }

    static let proxies = ["127.0.0.8/30", "10.9.0.0/16"].compactMap { Network($0) }

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func chance(_ one: Int) -> Bool { number(1...one) == 1 }
    mutating func pick<Value>(_ values: [Value]) -> Value { values[number(0...values.count - 1)] }

    private mutating func some<Value>(_ count: ClosedRange<Int>, _ make: (inout Self) -> Value) -> [Value] {
        (0..<number(count)).map { _ in make(&self) }
    }

    // MARK: Routes

    mutating func routes(_ count: Int) -> [Route] { (0..<count).map { route("r\($0)") } }

    private mutating func route(_ name: String) -> Route {
        let match = self.match()
        let names = match.path.captureNames
        var route = Route(name: name, match: match, action: action(names))
        if case .forward = route.action {
            if chance(2) { route.rewrite = rewrite(match.path) }
            if chance(4) { route.hostRewrite = TextTemplate([.literal(Array("in.".utf8)), .variable(.host)]) }
            if chance(3) { route.requestFields = some(1...3) { $0.edit(names) } }
            if chance(6) { route.limits.bodyBytes = number(0...6) }
        }
        if chance(4) { route.responseFields = some(1...3) { $0.edit(names) } }
        if chance(4) { route.cors = crossOrigin() }
        return route
    }

    private mutating func crossOrigin() -> CrossOriginRules {
        let own = OriginPattern.exact(Array("https://a.test".utf8))
        let below = OriginPattern.parts(
            OriginParts(scheme: Array("https".utf8), host: .suffix(Array(".a.test".utf8)), port: pick([.usual, .any])))
        var rules = CrossOriginRules(origins: pick([[.any], [own], [below], [own, below]]))
        if chance(2) { rules.headers = .these(["X-A"]) }
        if chance(2) { rules.exposed = ["X-Origin", "X-B"] }
        if chance(3) { rules.maxAge = .seconds(number(1...9)) }
        rules.allowsCredentials = !rules.allowsEveryOrigin && chance(2)
        return rules
    }

    private mutating func match() -> RouteMatch {
        var match = RouteMatch(path: path())
        if chance(3) { match.hosts = some(1...2) { $0.host() } }
        if chance(6) { match.methods = some(1...2) { $0.pick(["GET", "POST", "PURGE", "OPTIONS", "TRACE"]) } }
        if chance(6) { match.fields = [condition(["x-a", "x-b"])] }
        if chance(6) { match.query = [condition(["a", "b"])] }
        if chance(8) { match.cookies = [condition(["a", "b"])] }
        if chance(6) {
            match.clients = ["10.0.0.0/8", "127.0.0.1", "2001:db8::/32", "192.0.2.0/24"].compactMap { Network($0) }
                .shuffled(using: &random).suffix(number(1...2))
        }
        return match
    }

    private mutating func host() -> HostPattern {
        let name = pick(["a.test", "b.test", "x.a.test", "[::1]"])
        return name.first == "[" || chance(2) ? .exact(Array(name.utf8)) : .suffix(Array(".\(name)".utf8))
    }

    private mutating func path() -> PathPattern {
        let text = "/" + some(0...2) { $0.pick(["v1", "v2", "a", "%2F", "x.y", ""]) }.joined(separator: "/")
        switch number(0...8) {
        case 0: return .any
        case 1, 2: return .exact(Array(text.utf8))
        case 3, 4, 5: return .prefix(Array(text.utf8))
        case 6, 7:
            let segments = (0..<number(1...3)).map { pick(["v1", "a", "", "{p\($0)}", "{q\($0)}"]) }
            let last = chance(3) ? "/{rest*}" : ""
            return (try? PathTemplate("/\(segments.joined(separator: "/"))\(last)")).map { .template($0) } ?? .any
        default:
            let expression = pick(["^/(?<v>v[12])(?<after>/.*)?$", "(?<all>.*)", "^[*]$", "/(?<end>[^/]*)$", "a"])
            return (try? RegularExpression(expression)).map { .regex($0) } ?? .any
        }
    }

    private mutating func condition(_ names: [String]) -> ValueCondition {
        let value = Array(pick(["", "1", "a", "ab"]).utf8)
        return ValueCondition(
            name: pick(names), test: pick([.present, .exact(value), .prefix(value)]), isNegated: chance(3))
    }

    // MARK: What they do

    private mutating func action(_ names: [String]) -> RouteAction {
        switch number(0...9) {
        case 0: return .respond(FixedResponse(status: pick([200, 204, 403]), body: Array("said".utf8)))
        case 1, 2, 3: return .redirect(Redirect(status: pick([301, 308]), location: location(names)))
        case 4:
            let branches = [WeightedPool(pool: 0, weight: 0), WeightedPool(pool: 1), WeightedPool(pool: 2, weight: 2)]
            return .forward(Split(branches, key: pick([nil, .path, .query("a"), .header("x-a")])))
        default: return .forward(Split([WeightedPool(pool: number(0...2))]))
        }
    }

    private mutating func location(_ names: [String]) -> TextTemplate {
        let start = pick(["https://new.test", "/", "/new", "//cdn.test", "//", ""])
        let pieces: [TextTemplate.Piece] = start.isEmpty ? [.variable(.path)] : [.literal(Array(start.utf8))]
        return TextTemplate(pieces + self.pieces(names))
    }

    private mutating func rewrite(_ path: PathPattern) -> PathRewrite {
        if path.prefixCount != nil, chance(2) { return .prefix(Array(pick(["/", "/new", "/new/"]).utf8)) }
        let start = pick(["/", "/new", "/new/", "{path}"])
        let first: TextTemplate.Piece = start == "{path}" ? .variable(.path) : .literal(Array(start.utf8))
        return .template(TextTemplate([first] + pieces(path.captureNames).filter { $0 != .variable(.query) }))
    }

    private mutating func edit(_ names: [String]) -> FieldEdit {
        let name = pick(["X-A", "x-b", "X-C", "X-Origin", "Connection"])
        switch number(0...2) {
        case 0: return .remove(name: name)
        case 1: return .set(name: name, TextTemplate([.literal([0x76])] + pieces(names)))
        default: return .add(name: name, TextTemplate([.literal([0x77])] + pieces(names)))
        }
    }

    private mutating func pieces(_ names: [String]) -> [TextTemplate.Piece] {
        let variables: [TextTemplate.Variable] =
            [.scheme, .host, .path, .query, .method, .client, .rest, .rest] + names.map { .capture($0) }
        return some(0...3) { $0.chance(4) ? .literal(Array("-".utf8)) : .variable($0.pick(variables)) }
    }

    // MARK: Requests

    mutating func request() -> DescribedRequest {
        let host = pick(["a.test", "A.test:80", "x.a.test.", "b.test", "[::1]:8080", "c"])
        let segments = [
            "v1", "V1", "v2", "a", "", ".", "..", "%2f", "%2E", "x.y", "%61", "%zz", "\\", "a;b", "..;", "%3b", "%5c",
            "v1%2f", "%00",
        ]
        let path = some(0...4) { "/" + $0.pick(segments) }.joined()
        let query =
            chance(2)
            ? ""
            : "?"
                + some(0...3) { $0.pick(["a=1", "b", "a=ab", "=", "a=%31", "?"]) }
                .joined(separator: "&")
        let method = pick(["GET", "GET", "POST", "PURGE", "HEAD", "OPTIONS", "TRACE", "get"])
        var request = DescribedRequest(
            method: method, url: chance(20) ? (chance(2) ? "*" : path + "/" + query) : "http://\(host)\(path)\(query)",
            client: IPAddress(pick(["127.0.0.1", "127.0.0.7", "127.0.0.8", "127.0.0.9"])) ?? .loopback)
        request.headers = some(0...2) { .init(name: $0.pick(["X-A", "x-b", "X-C"]), value: $0.pick(["", "1", "ab"])) }
        if chance(3) {
            request.headers.append(.init(name: "Cookie", value: pick(["a=1", "b=ab; a=a", "b", "a=;b=1"])))
        }
        for _ in 0..<(chance(2) ? number(1...2) : 0) {
            let words = [
                "10.1.1.1", "10.9.1.1", "192.0.2.1:80", " 2001:db8::1", "[2001:db8::1]:9", "", "who", "10.9.0.9 ",
            ]
            let list = some(1...3) { $0.pick(words) }.joined(separator: ",")
            request.headers.append(.init(name: "X-Forwarded-For", value: list))
        }
        if chance(4) { request.headers.append(.init(name: "X-Forwarded-Proto", value: pick(["https", "HTTP", ""]))) }
        for _ in 0..<(chance(2) ? chance(9) ? 2 : 1 : 0) {
            let origin = pick([
                "https://a.test", "https://x.a.test", "https://x.a.test:8443", "null", "HTTPS://a.test", "",
            ])
            request.headers.append(.init(name: "Origin", value: origin))
        }
        if chance(3) { request.headers.append(.init(name: "Access-Control-Request-Method", value: pick(["PUT", ""]))) }
        if chance(3) {
            let names = pick(["x-a", "x-a, x-b,", "x a", ""])
            request.headers.append(.init(name: "Access-Control-Request-Headers", value: names))
        }
        if chance(8) { request.headers.append(.init(name: "Max-Forwards", value: pick(["0", "1", "x"]))) }
        if chance(6) { request.headers.append(.init(name: "Content-Length", value: "\(number(0...8))")) }
        return request
    }
}

/// A generator that gives the same numbers again (Steele, Lea and Flood's SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
