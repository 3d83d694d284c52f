import ApusHTTP
import ApusModel
import ApusRouting
import ApusTestKit
import Testing

/// Which pool a request goes to: of a listener's routes the first match wins.
@Suite struct Routing {
    static let routes = [
        Route(name: "api/v1/*", host: .exact(bytes("api.example.com")), path: .prefix(bytes("/v1")), pool: 0),
        Route(name: "/exact", path: .exact(bytes("/exact")), pool: 1),
        Route(name: "*.example.com", host: .suffix(bytes(".example.com")), pool: 2),
    ]

    @Test(arguments: [
        ("api.example.com", "/v1", 0), ("api.example.com", "/v1/a", 0), ("API.Example.com:8080", "/v1/a?b", 0),
        ("api.example.com", "/v1?a", 0), ("api.example.com", "/v10", 2), ("b.example.com", "/v1", 2),
        ("a", "/exact", 1), ("a", "/exact?b", 1), ("api.example.com", "/exact", 1),
        ("a", "/exact/", nil), ("a", "/v1", nil), ("example.com", "/", nil), ("notexample.com", "/", nil),
    ])
    func theFirstMatchWins(host: String, target: String, pool: Int?) throws {
        let origins = try (0..<3).map { number in
            try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
        }
        let proxy = try Proxy(pools: origins.map { [$0] }) { $0.routes = Self.routes }
        let client = try proxy.connect()
        try client.send("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        let response = try client.readResponse()
        if let pool {
            #expect(response.text == "\(pool)")
        } else {
            expectMade(response, [.noRoute])
            // The request was read to its end: the connection goes on.
            #expect(!response.announcesClose)
            try client.send("GET /exact HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().text == "1")
        }
    }

    /// `http://host` asks for `/` (RFC 9112 section 3.2.1).
    @Test func aTargetWithoutAPathAsksForTheRoot() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.routes = [Route(name: "/", path: .exact(bytes("/")), pool: 0)] }
        #expect(try proxy.exchange("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n").isGood)
        #expect(try proxy.exchange("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n").isGood)
        #expect(origin.requests.map(\.target) == ["/", "/?b"])
    }
}
