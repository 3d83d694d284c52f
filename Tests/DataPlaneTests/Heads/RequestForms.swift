import ApusModel
import ApusRouting
import ApusTestKit
import Testing

/// The forms of a request target (RFC 9112 section 3.2) and what an origin receives of them.
@Suite struct RequestForms {
    struct Form: Sendable, CustomTestStringConvertible {
        var sent: String
        var host = "a"
        var received: String
        var receivedHost = "a"
        var testDescription: String { "\(sent) to \(received)" }
    }

    static let forms = [
        Form(sent: "GET /", received: "GET /"),
        Form(sent: "GET /a/b?c=d&e", received: "GET /a/b?c=d&e"),
        Form(sent: "GET /?", received: "GET /?"),
        // Origins get the spelling by which routes were chosen: dot segments resolved, needless escapes decoded, no more.
        Form(sent: "GET //a//b/../c/./d", received: "GET //a//b/../c/./d"),
        Form(sent: "GET /a%2Fb%zz;c?a/../%2e", received: "GET /a%2Fb%zz;c?a/../%2e"),
        Form(sent: "GET http://b/x/%2E%2e/c?d", received: "GET /x/%2E%2e/c?d", receivedHost: "b"),
        Form(sent: "GET /a:b@c;d=e,f!g$h'(i)*+~", received: "GET /a:b@c;d=e,f!g$h'(i)*+~"),
        Form(sent: "GET http://b/", received: "GET /", receivedHost: "b"),
        Form(sent: "GET http://b/c?d=e", received: "GET /c?d=e", receivedHost: "b"),
        Form(sent: "GET http://b", received: "GET /", receivedHost: "b"),
        Form(sent: "GET http://b?c=d", received: "GET /?c=d", receivedHost: "b"),
        Form(sent: "GET http://b:8080/c", received: "GET /c", receivedHost: "b:8080"),
        Form(sent: "GET http://[::1]:8080/c", received: "GET /c", receivedHost: "[::1]:8080"),
        Form(sent: "GET HTTP://b/c", received: "GET /c", receivedHost: "b"),
        Form(sent: "GET http://a/b", host: "evil", received: "GET /b", receivedHost: "a"),
        Form(sent: "OPTIONS *", received: "OPTIONS *"),
        Form(sent: "OPTIONS /a", received: "OPTIONS /a"),
        // RFC 9112 section 3.2.4: the last proxy turns an empty path of OPTIONS into the asterisk.
        Form(sent: "OPTIONS http://b", received: "OPTIONS *", receivedHost: "b"),
        Form(sent: "OPTIONS http://b/", received: "OPTIONS /", receivedHost: "b"),
        Form(sent: "PURGE /a", received: "PURGE /a"),
        Form(sent: "brew /", received: "brew /"),
        Form(sent: "DELETE /a", received: "DELETE /a"),
        Form(sent: "PATCH /a", received: "PATCH /a"),
    ]

    @Test(arguments: forms, Delivery.allCases)
    func theOriginReceivesTheOriginForm(form: Form, delivery: Delivery) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let request = "\(form.sent) HTTP/1.1\r\nHost: \(form.host)\r\n\r\n"
        switch delivery {
        case .inOnePiece: try client.send(request)
        case .byteByByte: try client.sendSlowly(request)
        }
        #expect(try client.readResponse().isGood)
        let received = try #require(origin.requests.first)
        #expect("\(received.method) \(received.target)" == form.received)
        #expect(received.fields["Host"] == form.receivedHost)
        #expect(received.version == "HTTP/1.1")
    }

    @Test func theTargetOfAnAbsoluteFormRoutesTheRequest() throws {
        let (first, second) = (try Origin(), try Origin())
        let proxy = try Proxy(pools: [[first], [second]]) {
            $0.routes = [
                .init(name: "b", host: .exact(bytes("b")), pool: 1),
                .init(name: "*", pool: 0),
            ]
        }
        #expect(try proxy.exchange("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n").isGood)
        #expect(try proxy.exchange("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n").isGood)
        #expect(second.requests.map { $0.fields["Host"] } == ["b"])
        #expect(first.requests.map { $0.fields["Host"] } == ["a"])
    }
}
