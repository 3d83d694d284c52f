import ApusAddresses
import ApusRouting
import Testing

/// The table must find what looking at one route after the other finds.
@Suite struct RouteTableTests {
    @Test(arguments: 0..<60) func findsTheFirstThatMatches(seed: UInt64) throws {
        try Self.forRandomRequests(seed: seed) { request, routes, listener in
            let expected = routes.firstMatch(request, listener)
            #expect(request.route(in: routes.table, listener: listener) == expected, "\(request.text)")
        }
    }

    /// Requests that match nothing would show nothing: many are to meet routes, also by regular expressions and behind
    /// others.
    @Test func randomRequestsMeetRoutesOften() throws {
        var (requests, matches, expressions, later) = (0, 0, 0, 0)
        for seed in 0..<60 as Range<UInt64> {
            try Self.forRandomRequests(seed: seed) { request, routes, listener in
                requests += 1
                guard let first = routes.firstMatch(request, listener) else { return }
                matches += 1
                if case .regex = routes.matches[first].path { expressions += 1 }
                if first > routes.listeners[listener].lowerBound { later += 1 }
            }
        }
        #expect(requests == 60 * 60 * 3)
        #expect(matches > requests / 2, "\(matches) of \(requests)")
        #expect(expressions > matches / 10, "\(expressions) of \(matches)")
        #expect(later > matches / 2, "\(later) of \(matches)")
    }

    /// Routes of three listeners, with their table.
    private struct Routes {
        let matches: [RouteMatch]
        let listeners: [Range<Int>]
        let table: RouteTable

        func firstMatch(_ request: borrowing Request, _ listener: Int) -> Int? {
            listeners[listener].first { request.mismatch(with: matches[$0]) == nil }
        }
    }

    private static func forRandomRequests(seed: UInt64, _ body: (borrowing Request, Routes, Int) throws -> Void)
        throws
    {
        var random = RandomRoutes(seed: seed)
        // Some few enough to be looked at one by one, most indexed; several listeners share the tables.
        let counts = [random.number(1...6), random.number(7...20), random.number(0...60)]
        let matches = random.matches(counts.reduce(0, +))
        let starts = [0, counts[0], counts[0] + counts[1], matches.count]
        let listeners = (0..<3).map { starts[$0]..<starts[$0 + 1] }
        let routes = Routes(
            matches: matches, listeners: listeners, table: RouteTable(matches, listeners: listeners))
        for _ in 0..<60 {
            let request = try random.request()
            for listener in 0..<3 { try body(request, routes, listener) }
        }
    }

    /// Regular expressions that are looked for together, of which each alone says whether it matches.
    @Test(arguments: 0..<40) func expressionsTogetherFindWhatEachFinds(seed: UInt64) throws {
        var random = RandomRoutes(seed: seed)
        let expressions = try (0..<random.number(2...20)).map { _ in
            try RegularExpression((random.chance(2) ? "^/" : "") + random.expression(random.number(2...4)))
        }
        let matches = expressions.map { RouteMatch(path: .regex($0)) }
        // Also without the first, the first two and so on, which would hide the others.
        let tables = matches.indices.map { RouteTable(Array(matches[$0...])) }
        for _ in 0..<30 {
            let path = "/" + random.text(0...6)
            let bytes = Array(path.utf8)
            let request = try Request("GET", path)
            for (start, table) in tables.enumerated() {
                let expected = expressions[start...].firstIndex { $0.matches(bytes.span) }
                #expect(request.route(in: table).map { $0 + start } == expected, "\(path), from \(start)")
            }
        }
    }

    /// What regular expressions are too intricate for one table are spread over several, or simulated.
    @Test func intricateExpressionsAreFoundToo() throws {
        var expressions = (0..<80).map { "a\($0)x.*b\($0)x" }
        expressions += ["(?:a|b)*a(?:a|b){20}$", ".*x.{40}y$"]
        let matches = try expressions.map { RouteMatch(path: .regex(try RegularExpression($0))) }
        let table = RouteTable(matches)
        let long = String(repeating: "ab", count: 11)
        for path in [
            "/a7xb7x", "/a7x/b8x/b9x", "/a79x-a3x-b3x-b79x", "/" + long, "/b" + long,
            "/x" + String(repeating: ".", count: 40) + "y",
        ] {
            let request = try Request("GET", path)
            let expected = matches.firstIndex { request.mismatch(with: $0) == nil }
            #expect(request.route(in: table) == expected, "\(path)")
        }
    }

    @Test func aRouteWithManyHostsIsForEachOfThem() throws {
        let hosts: [HostPattern] =
            (0..<50).map { .exact(Array("h\($0).test".utf8)) } + [.suffix(Array(".any.test".utf8))]
        let table = RouteTable([
            RouteMatch(hosts: hosts, path: .prefix(Array("/x".utf8))),
            RouteMatch(hosts: [.exact(Array("h1.test".utf8))]),
        ])
        #expect(try Request("GET", "/x/y", host: "H49.test:80").route(in: table) == 0)
        #expect(try Request("GET", "/x", host: "a.b.any.test").route(in: table) == 0)
        #expect(try Request("GET", "/x", host: "any.test").route(in: table) == nil)
        #expect(try Request("GET", "/y", host: "h1.test").route(in: table) == 1)
        #expect(try Request("GET", "/y", host: "h2.test").route(in: table) == nil)
    }

    @Test func whoAsksForTheClientIsKnown() throws {
        let network = try #require(Network("10.0.0.0/8"))
        let table = RouteTable([RouteMatch(), RouteMatch(clients: [network])], listeners: [0..<1, 0..<2, 1..<1])
        #expect(table.looksAtClient == [false, true, false])
    }
}
