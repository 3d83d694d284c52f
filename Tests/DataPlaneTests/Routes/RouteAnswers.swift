import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Foundation
import Testing

/// Routes that answer by themselves: redirects and fixed responses.
@Suite struct RouteAnswers {
    static func proxy(
        _ action: RouteAction, path: PathPattern = .any, responseFields: [FieldEdit] = [],
        configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> (Proxy, Origin) {
        let origin = try Origin()
        var answer = Route(name: "answer", match: RouteMatch(path: path), action: action)
        answer.responseFields = responseFields
        let proxy = try Proxy(origin) { [answer] in
            $0.routes = [Route(name: "open", path: .exact(bytes("/open")), pool: 0), answer]
            configure(&$0)
        }
        return (proxy, origin)
    }

    static let gone = RouteAction.respond(
        FixedResponse(status: 410, contentType: "text/html", body: bytes("<p>Gone.</p>")))

    @Test func aFixedResponseIsGivenWithoutAPool() throws {
        let (proxy, origin) = try Self.proxy(Self.gone)
        let client = try proxy.connect()
        let response = try client.get()
        #expect(response.status == 410 && response.text == "<p>Gone.</p>" && response.phrase == "Gone")
        #expect(response.fields["Content-Type"] == "text/html" && response.reason == nil && !response.announcesClose)
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try client.readResponse(to: "HEAD")
        #expect(head.status == 410 && head.fields["Content-Length"] == "12" && head.body.isEmpty)
        #expect(try client.get("/open").isGood)
        #expect(origin.requests.count == 1)
        let slot = proxy.layout.requests(row: proxy.layout.row(route: 1), endpoint: nil, statusClass: 4)
        try proxy.eventually("the count") { proxy.dataPlane.total(slot) == 2 }
        #expect(Reason.allCases.allSatisfy { proxy.count($0) == 0 })
    }

    @Test(arguments: [(200, "Content-Length"), (204, nil), (304, nil), (205, "Content-Length")])
    func statusesWithoutABodyHaveNone(status: Int, field: String?) throws {
        let (proxy, _) = try Self.proxy(.respond(FixedResponse(status: status)))
        let client = try proxy.connect()
        for _ in 0..<3 {
            let response = try client.get()
            #expect(response.status == status && response.body.isEmpty)
            #expect(response.fields["Content-Length"] == field.map { _ in "0" })
        }
    }

    @Test(arguments: [1, 150_000, 200_000]) func bodiesOfAnySizeAreSent(size: Int) throws {
        let body = (0..<size).map { UInt8(0x61 + $0 % 26) }
        let (proxy, _) = try Self.proxy(.respond(FixedResponse(body: body)))
        let client = try proxy.connect()
        for _ in 0..<3 { #expect(try client.get().body == body) }
    }

    /// The log tells the length of the body, however it was sent: in pieces, with blank lines in it, or not at all.
    @Test func theirLengthIsLogged() throws {
        let file = AccessLogFile()
        let template = try AccessLogTemplate("{method} {body_bytes_sent}")
        let body = bytes(String(repeating: "a\r\n\r\nb", count: 40_000))
        let (proxy, _) = try Self.proxy(.respond(FixedResponse(body: body))) {
            $0.accessLog = file.log(.template(template))
        }
        let client = try proxy.connect()
        #expect(try client.get().body.count == body.count)
        let head = "HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        #expect(try proxy.exchange(head, method: "HEAD").status == 200)
        #expect(try file.lines(2, of: proxy) == ["GET \(body.count)", "HEAD 0"])
    }

    @Test func aDateIsSaid() throws {
        let (proxy, _) = try Self.proxy(Self.gone)
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "GMT")
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        for response in [try proxy.get(), try proxy.exchange("GET / HTTP/1.1\r\n\r\n")] {
            let text = try #require(response.fields["Date"])
            let date = try #require(format.date(from: text), "\(text)")
            #expect(abs(date.timeIntervalSinceNow) < 5)
        }
    }

    // MARK: The request's body, and what follows it

    @Test(arguments: [
        "Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    ])
    func whatFollowsABodyThatCameWholeIsAnswered(body: String) throws {
        let (proxy, _) = try Self.proxy(Self.gone)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(body)GET /open HTTP/1.1\r\nHost: a\r\n\r\n")
        let response = try client.readResponse(to: "POST")
        #expect(response.status == 410 && !response.announcesClose)
        #expect(try client.readResponse().isGood)
    }

    @Test(arguments: [
        "Content-Length: 5\r\n\r\nhel", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\nx\r\n", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ])
    func behindABodyThatDidNotTheConnectionEnds(body: String) throws {
        let (proxy, _) = try Self.proxy(Self.gone)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(body)")
        let response = try client.readResponse(to: "POST")
        #expect(response.status == 410 && response.announcesClose)
        #expect(try client.readEnding() == .closed)
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let (proxy, _) = try Self.proxy(Self.gone)
        let client = try proxy.connect()
        let pair = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /open HTTP/1.1\r\nHost: a\r\n\r\n"
        try client.send(String(repeating: pair, count: 20))
        for _ in 0..<20 {
            #expect(try client.readResponse().status == 410)
            #expect(try client.readResponse().isGood)
        }
    }

    @Test func olderClientsAreAnsweredInTheirManner() throws {
        let (proxy, _) = try Self.proxy(Self.gone)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let kept = try client.readResponse()
        #expect(kept.status == 410 && kept.fields["Connection"] == "keep-alive")
        try client.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try client.readResponse().announcesClose)
        #expect(try client.readEnding() == .closed)
    }

    // MARK: Redirects

    static func location(_ pieces: [TextTemplate.Piece]) -> RouteAction {
        .redirect(Redirect(location: TextTemplate(pieces)))
    }

    @Test func aRedirectIsFilledFromTheRequest() throws {
        let (proxy, _) = try Self.proxy(
            Self.location([
                .variable(.scheme), .literal(bytes("s://")), .variable(.host), .literal(bytes(":8443")),
                .variable(.path), .variable(.query),
            ]))
        let client = try proxy.connect()
        try client.send("GET /a/./b%41?c=%20 HTTP/1.1\r\nHost: Example.com:80\r\n\r\n")
        let response = try client.readResponse()
        #expect(response.status == 308 && response.phrase == "Permanent Redirect" && response.body.isEmpty)
        #expect(response.fields["Location"] == "https://Example.com:8443/a/bA?c=%20")
        #expect(response.fields["Content-Type"] == nil && response.reason == nil)
        #expect(try client.get("http://b").fields["Location"] == "https://b:8443/")
    }

    @Test func theRestAndCapturesAreFilledIn() throws {
        let (prefix, _) = try Self.proxy(
            Self.location([.literal(bytes("https://b/new")), .variable(.rest)]), path: .prefix(bytes("/old/")))
        #expect(try prefix.get("/old/a/b?c").fields["Location"] == "https://b/new/a/b")
        #expect(try prefix.get("/older").status == 404)
        let (template, _) = try Self.proxy(
            Self.location([
                .literal(bytes("/p/")), .variable(.capture("post")), .literal(bytes("/")),
                .variable(.capture("user")), .variable(.capture("nobody")),
            ]), path: .template(try PathTemplate("/users/{user}/{post*}")))
        #expect(try template.get("/users/ann/1/2").fields["Location"] == "/p/1/2/ann")
    }

    /// Nobody may make a link to this host that leads to another.
    @Test(arguments: [
        ("//evil.com", "/.//evil.com"), ("/\\evil.com/", "/./\\evil.com/"), ("/a//b", "/a//b"),
        ("/%2F/evil.com", "/%2F/evil.com"), ("/.//evil.com", "/.//evil.com"),
    ])
    func aPathCannotBecomeAHost(path: String, location: String) throws {
        let (proxy, _) = try Self.proxy(Self.location([.variable(.path), .variable(.query)]))
        #expect(try proxy.get(path).fields["Location"] == location)
        let (rest, _) = try Self.proxy(
            Self.location([.literal(bytes("/")), .variable(.capture("x"))]),
            path: .template(try PathTemplate("/old/{x*}")))
        #expect(try rest.get("/old//evil.com").fields["Location"] == "/.//evil.com")
    }

    @Test func whatARouteAddsToResponsesIsOnItsOwnToo() throws {
        let (proxy, _) = try Self.proxy(
            Self.gone,
            responseFields: [
                .set(name: "X-Client", TextTemplate([.variable(.client)])), .remove(name: "Content-Type"),
                .add(name: "X-A", TextTemplate(literal: "b")), .set(name: "Content-Length", TextTemplate(literal: "9")),
            ])
        let response = try proxy.get()
        #expect(response.fields["X-Client"] == "127.0.0.1" && response.fields["X-A"] == "b")
        #expect(response.text == "<p>Gone.</p>" && response.isComplete)
    }

    /// A template can make much of little: what no head may be is not sent, and nothing breaks.
    @Test func aRedirectThatWouldBeTooLongIsRefused() throws {
        let (proxy, _) = try Self.proxy(
            Self.location([.literal(bytes("https://b"))] + Array(repeating: .variable(.path), count: 40)))
        let client = try proxy.connect()
        expectMade(try client.get("/" + String(repeating: "a", count: 5000)), [.headTooLarge])
        #expect(try client.get("/a").status == 308)
    }
}
