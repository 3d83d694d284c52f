import ApusModel
import ApusRouting
import ApusTestKit
import Testing

/// Who says why a response was made, and who is told.
@Suite struct Reasons {
    private static let response =
        "HTTP/1.1 503 No\r\nApus-Reason: no_route\r\napus_reason: x\r\nContent-Length: 0\r\n\r\n"

    @Test func anOriginGivesNone() throws {
        let origin = try Origin(answer: Self.response)
        let proxy = try Proxy(origin)
        let response = try proxy.get("/")
        #expect(response.status == 503 && response.reason == nil && response.fields["apus_reason"] == nil)
    }

    @Test func aTierOfApusMayGiveThem() throws {
        let origin = try Origin(answer: Self.response)
        let proxy = try Proxy(origin) { $0.pool = { pool, _ in pool.keepsReasons = true } }
        let response = try proxy.get("/")
        #expect(response.reason == "no_route" && response.fields["apus_reason"] == nil)
    }

    @Test func theEdgeMayKeepItsOwnToItself() throws {
        let proxy = try Proxy(try Origin()) {
            $0.listener = { $0.hidesReasons = true }
            $0.routes = [Route(name: "a", host: .exact(bytes("a")), pool: 0)]
        }
        for (request, body) in [
            ("GET / HTTP/1.1\r\nHost: b\r\n\r\n", "404 Not Found\n"), ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request\n"),
        ] {
            let response = try proxy.exchange(request)
            #expect(response.reason == nil && response.text == body)
        }
        #expect(try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").isGood)
    }
}
