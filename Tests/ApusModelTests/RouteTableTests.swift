import ApusModel
import Testing

/// The table must find what looking at one route after the other finds.
@Suite struct RouteTableTests {
    @Test(arguments: 0..<60) func findsTheFirstThatMatches(seed: UInt64) throws {
        try Self.forRandomRequests(seed: seed) { request, snapshot, listener in
            let expected = Self.firstMatch(request, snapshot, listener)
            #expect(request.route(of: snapshot, listener: listener) == expected, "\(request.text)")
        }
    }

    /// Requests that match nothing would show nothing: many are to meet routes, also by regular expressions and behind
    /// others.
    @Test func randomRequestsMeetRoutesOften() throws {
        var (requests, matches, expressions, later) = (0, 0, 0, 0)
        for seed in 0..<60 as Range<UInt64> {
            try Self.forRandomRequests(seed: seed) { request, snapshot, listener in
                requests += 1
                guard let first = Self.firstMatch(request, snapshot, listener) else { return }
                matches += 1
                if case .regex = snapshot.routes[first].match.path { expressions += 1 }
                if first > snapshot.listeners[listener].routes.lowerBound { later += 1 }
            }
        }
        #expect(requests == 60 * 60 * 3)
        #expect(matches > requests / 2, "\(matches) of \(requests)")
        #expect(expressions > matches / 10, "\(expressions) of \(matches)")
        #expect(later > matches / 2, "\(later) of \(matches)")
    }

    private static func forRandomRequests(seed: UInt64, _ body: (borrowing Request, Snapshot, Int) throws -> Void)
        throws
    {
        var random = RandomRoutes(seed: seed)
        // Some few enough to be looked at one by one, most indexed; several listeners share the tables.
        let counts = [random.number(1...6), random.number(7...20), random.number(0...60)]
        let routes = random.routes(counts.reduce(0, +))
        let starts = [0, counts[0], counts[0] + counts[1], routes.count]
        let snapshot = Snapshot.of(routes, listeners: (0..<3).map { starts[$0]..<starts[$0 + 1] })
        for _ in 0..<60 {
            let request = try random.request()
            for listener in 0..<3 { try body(request, snapshot, listener) }
        }
    }

    private static func firstMatch(_ request: borrowing Request, _ snapshot: Snapshot, _ listener: Int) -> Int? {
        snapshot.listeners[listener].routes.first { request.mismatch(with: snapshot.routes[$0]) == nil }
    }

    /// Regular expressions that are looked for together, of which each alone says whether it matches.
    @Test(arguments: 0..<40) func expressionsTogetherFindWhatEachFinds(seed: UInt64) throws {
        var random = RandomRoutes(seed: seed)
        let expressions = try (0..<random.number(2...20)).map { _ in
            try RegularExpression((random.chance(2) ? "^/" : "") + random.expression(random.number(2...4)))
        }
        let routes = expressions.map {
            Route(name: $0.text, match: RouteMatch(path: .regex($0)), action: .respond(FixedResponse()))
        }
        // Also without the first, the first two and so on, which would hide the others.
        let snapshots = routes.indices.map { Snapshot.of(Array(routes[$0...])) }
        for _ in 0..<30 {
            let path = "/" + random.text(0...6)
            let bytes = Array(path.utf8)
            let request = try Request("GET", path)
            for (start, snapshot) in snapshots.enumerated() {
                let expected = expressions[start...].firstIndex { $0.matches(bytes.span) }
                #expect(request.route(of: snapshot).map { $0 + start } == expected, "\(path), from \(start)")
            }
        }
    }

    /// What regular expressions are too intricate for one table are spread over several, or simulated.
    @Test func intricateExpressionsAreFoundToo() throws {
        var expressions = (0..<80).map { "a\($0)x.*b\($0)x" }
        expressions += ["(?:a|b)*a(?:a|b){20}$", ".*x.{40}y$"]
        let routes = try expressions.map { text in
            Route(
                name: text, match: RouteMatch(path: .regex(try RegularExpression(text))),
                action: .respond(FixedResponse()))
        }
        let snapshot = Snapshot.of(routes)
        let long = String(repeating: "ab", count: 11)
        for path in [
            "/a7xb7x", "/a7x/b8x/b9x", "/a79x-a3x-b3x-b79x", "/" + long, "/b" + long,
            "/x" + String(repeating: ".", count: 40) + "y",
        ] {
            let request = try Request("GET", path)
            let expected = routes.firstIndex { request.mismatch(with: $0) == nil }
            #expect(request.route(of: snapshot) == expected, "\(path)")
        }
    }

    @Test func aRouteWithManyHostsIsForEachOfThem() throws {
        let hosts: [HostPattern] =
            (0..<50).map { .exact(Array("h\($0).test".utf8)) } + [.suffix(Array(".any.test".utf8))]
        let routes = [
            Route(
                name: "", match: RouteMatch(hosts: hosts, path: .prefix(Array("/x".utf8))),
                action: .respond(FixedResponse())),
            Route(
                name: "", match: RouteMatch(hosts: [.exact(Array("h1.test".utf8))]), action: .respond(FixedResponse())),
        ]
        let snapshot = Snapshot.of(routes)
        #expect(try Request("GET", "/x/y", host: "H49.test:80").route(of: snapshot) == 0)
        #expect(try Request("GET", "/x", host: "a.b.any.test").route(of: snapshot) == 0)
        #expect(try Request("GET", "/x", host: "any.test").route(of: snapshot) == nil)
        #expect(try Request("GET", "/y", host: "h1.test").route(of: snapshot) == 1)
        #expect(try Request("GET", "/y", host: "h2.test").route(of: snapshot) == nil)
    }

    @Test func whoAsksForTheClientIsKnown() throws {
        let network = try #require(Network("10.0.0.0/8"))
        let routes = [
            Route(name: "", pool: 0),
            Route(name: "", match: RouteMatch(clients: [network]), action: .respond(FixedResponse())),
        ]
        let snapshot = Snapshot.of(routes, listeners: [0..<1, 0..<2, 1..<1])
        #expect((0..<3).map { snapshot.looksAtClient(listener: $0) } == [false, true, false])
    }
}
