import ApusAddresses
import ApusExchange
import ApusHTTP
import ApusModel
import ApusRouting
import Testing

/// What a plan writes.
@Suite struct PlannedTextTests {
    @Test(arguments: [
        ("GET /v1/x?q", "GET /x?q HTTP/1.1"), ("GET /v1", "GET / HTTP/1.1"), ("GET /v1?", "GET /? HTTP/1.1"),
        ("GET /v1//x", "GET //x HTTP/1.1"), ("GET /%76%31/./x", "GET /x HTTP/1.1"),
    ])
    func prefixesAreStripped(head: String, line: String) throws {
        let route = Route.to("v1", .prefix("/v1")).with { $0.rewrite = .prefix([UInt8(ascii: "/")]) }
        var request = try PlannedRequest(head, routes: [route])
        #expect(try request.firstLine() == line)
    }

    @Test func theServerAsAWholeHasNoPathToRewrite() throws {
        let route = Route.to("all").with {
            $0.rewrite = .template(TextTemplate([.text("/new"), .variable(.path)]))
        }
        var request = try PlannedRequest("OPTIONS *", routes: [route])
        #expect(try request.firstLine() == "OPTIONS * HTTP/1.1")
        var other = try PlannedRequest("GET http://b?q", routes: [route])
        #expect(try other.firstLine() == "GET /new/?q HTTP/1.1")
    }

    @Test func everyPlaceIsFilled() throws {
        let places: [TextTemplate.Variable] = [.scheme, .host, .path, .query, .method, .client, .rest, .capture("id")]
        let template = TextTemplate(places.flatMap { [.variable($0), .text("|")] })
        let users = PathPattern.template(try PathTemplate("/users/{id}/x"))
        let route = Route.to("all", users).with {
            $0.requestFields = [.set(name: "X-All", template), .remove(name: "X-Gone")]
            $0.responseFields = [.set(name: "X-Id", TextTemplate([.variable(.capture("id"))]))]
            $0.hostRewrite = TextTemplate([.text("in."), .variable(.host)])
        }
        var request = try PlannedRequest(
            "GET /users/7/x?q=1\nHost: a.test:81\nX-Gone: 1\nx-all: 2\nX-Forwarded-For: 192.0.2.1\n"
                + "X-Forwarded-Proto: https", routes: [route], isTrusted: true)
        #expect(
            try request.written().replacing("\r\n", with: "\n") == """
                X-Id: 7
                GET /users/7/x?q=1 HTTP/1.1
                X-Forwarded-Proto: https
                Host: in.a.test
                X-Forwarded-For: 192.0.2.1, 10.0.0.1
                X-Forwarded-Host: a.test:81
                X-All: https|a.test|/users/7/x|?q=1|GET|192.0.2.1||7|


                """)
    }

    // MARK: Redirects

    @Test(arguments: [
        ("GET /a", "Location: /a"), ("GET //evil.test/x", "Location: /.//evil.test/x"),
        ("GET /\\evil.test", "Location: /./\\evil.test"), ("GET http://b", "Location: /"),
    ])
    func noRedirectLeadsToAHostThatAClientChose(head: String, line: String) throws {
        var request = try PlannedRequest(head, routes: [.redirect(to: .variable(.path))])
        #expect(try request.firstLine() == line)
    }

    @Test(arguments: [("GET /a", "Location: https://b.test/a"), ("GET //a", "Location: https://b.test//a")])
    func aRedirectThatNamesItsHostLeadsThere(head: String, line: String) throws {
        var request = try PlannedRequest(
            head, routes: [.redirect(to: .text("https://b.test"), .variable(.path))])
        #expect(try request.firstLine() == line)
    }

    // MARK: What is refused

    /// The route, and why a request to it cannot be sent.
    static let refusals: [(Route, String, Reason?)] = [
        (.to("host").with { $0.hostRewrite = TextTemplate([.variable(.query)]) }, "GET /?a,b", .badRewrite),
        (.to("host").with { $0.hostRewrite = TextTemplate([.variable(.query)]) }, "GET /", .badRewrite),
        (
            .to("dots", .prefix("/v1")).with { $0.rewrite = .template(TextTemplate([.variable(.rest)])) },
            "GET /v1..%2fx", nil
        ),
        (
            .to("dots").with { $0.rewrite = .template(TextTemplate([.text("/a/."), .variable(.path)])) }, "GET /b",
            .badRewrite
        ),
        (
            .to("cookie").with {
                $0.responseFields = [.add(name: "Set-Cookie", TextTemplate([.text("a="), .variable(.path)]))]
            }, "GET /;domain=b", .badRewrite
        ),
        (
            .to("link").with {
                $0.requestFields = [.set(name: "Link", TextTemplate([.text("<"), .variable(.path), .text(">")]))]
            }, "GET //evil.test", .badRewrite
        ),
        (.redirect(to: .text("https://"), .variable(.query)), "GET /?", .badRewrite),
        (.redirect(to: .text("/"), .variable(.path)), "GET /a", nil),
        (
            .to("large").with {
                $0.requestFields = [.set(name: "X", .init(Array(repeating: .variable(.path), count: 5)))]
            },
            "GET /" + String(repeating: "a", count: 4_000), .headTooLarge
        ),
        // The response's fields are written first: what is wrong with them is told.
        (
            .to("both").with {
                $0.responseFields = [.add(name: "Set-Cookie", TextTemplate([.text("a="), .variable(.path)]))]
                $0.requestFields = [.set(name: "X", .init(Array(repeating: .variable(.path), count: 5)))]
            }, "GET /;" + String(repeating: "a", count: 4_000), .badRewrite
        ),
        (.to("body").with { $0.limits.bodyBytes = 1 }, "POST /\nContent-Length: 2", .bodyTooLarge),
    ]

    @Test(arguments: refusals.indices)
    func whatMustNotBeSentIsRefused(index: Int) throws {
        let (route, head, reason) = Self.refusals[index]
        var request = try PlannedRequest(head, routes: [route])
        do throws(Reason) {
            let text = try request.written()
            #expect(reason == nil, "\(route.name): \(head.prefix(80)) gives \(text.prefix(200))")
        } catch {
            #expect(error == reason, "\(route.name): \(head.prefix(80))")
        }
    }

    // MARK: Whatever comes

    /// Heads that are nearly right, to routes that use all that there is: whatever comes of them, nothing traps, and what is
    /// written for an origin is a head that a parser takes.
    @Test func noHeadTraps() throws {
        let template = TextTemplate([
            .variable(.host), .text("-"), .variable(.path), .variable(.rest), .variable(.query),
            .variable(.capture("id")),
        ])
        let routes: [Route] = [
            .redirect(.prefix("/r"), to: .variable(.rest), .variable(.query)),
            .to("t", .template(try PathTemplate("/{id}/x"))).with {
                $0.rewrite = .template(TextTemplate([.text("/"), .variable(.capture("id")), .variable(.path)]))
                $0.responseFields = [.set(name: "Set-Cookie", template)]
            },
            .to("p", .prefix("/p")).with {
                $0.rewrite = .prefix([UInt8(ascii: "/")])
                $0.hostRewrite = TextTemplate([.variable(.host), .variable(.rest)])
            },
            .to("all").with { $0.requestFields = [.set(name: "Link", template), .add(name: "X-Y", template)] },
        ]
        let words = [
            "GET", "OPTIONS", "TRACE", "POST", " ", "/", "//", "/r", "/p", "x", "..", ".", "%2e", "%2f", "%00", ";",
            "\\",
            "*", "?q=1", "http://", "a:80", "[::1]", " HTTP/1.1\r\n", " HTTP/1.0\r\n", "Host: a\r\n", "Host:\r\n",
            "Max-Forwards: 0\r\n", "X-Forwarded-For: 1.2.3.4,,x\r\n", "X-Forwarded-Prefix: /a/\r\n", "Cookie: a=b\r\n",
            "Connection: x-y, close\r\n", "X_Y: 1\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
            "\r\n",
            "\u{7f}", "é",
        ]
        var random = SplitMix(state: 11)
        var planned = 0
        for round in 0..<20_000 {
            var text = ["GET /", "TRACE /p", "OPTIONS *", "GET http://a", ""].randomElement(using: &random) ?? ""
            for _ in 0..<Int.random(in: 0..<5, using: &random) { text += words.randomElement(using: &random) ?? "" }
            text += " HTTP/1.1\r\nHost: a\r\n"
            for _ in 0..<Int.random(in: 0..<4, using: &random) { text += words.randomElement(using: &random) ?? "" }
            text += "\r\n\r\n"
            let paths = PathRule.allCases[round % PathRule.allCases.count]
            do throws(Reason) {
                var request = try PlannedRequest(
                    Array(text.utf8), routes: routes, paths: paths, isTrusted: round % 2 == 0)
                let written = Array(try request.written().utf8)
                planned += 1
                guard case .route(let route) = request.plan(), request.rules.routes[route].action == .forward else {
                    continue
                }
                let start = String(decoding: written, as: UTF8.self).hasPrefix("Set-Cookie") ? firstLine(written) : 0
                var fields = FieldTable()
                let isWhole =
                    try RequestHead.parse(
                        Array(written[start...]).span, limits: HeadLimits(), into: &fields) != nil
                #expect(isWhole, "\(text)")
            } catch {
                // A refusal, which the connection survives or not.
                #expect(error.status != nil, "\(text): \(error)")
            }
        }
        #expect(planned > 2_000)
    }

    private func firstLine(_ bytes: [UInt8]) -> Int { (bytes.firstIndex(of: 0x0a) ?? -1) + 1 }
}

/// The same numbers every time (Steele, Lea and Flood's SplitMix64).
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
