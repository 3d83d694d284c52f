import ApusModel
import ApusProxy
import ApusTestKit
import Foundation
import Testing

/// Who closed the client's connection, and why, as the access log tells it: each way there is.
@Suite struct ConnectionEnds {
    /// `closed_by` and `close_reason` of each line, as `client client_asked`.
    private func ends(
        _ origin: any Addressed, lines count: Int = 1, timeouts: Timeouts = Timeouts(), limits: Limits = Limits(),
        servesHalfClosed: Bool = false, _ act: (Proxy) throws -> Void
    ) throws -> [String] {
        let file = AccessLogFile()
        let template = try AccessLogTemplate("{closed_by} {close_reason}")
        let proxy = try Proxy(origin) {
            $0.timeouts = timeouts
            $0.limits = limits
            $0.listener = { $0.servesHalfClosed = servesHalfClosed }
            $0.accessLog = file.log(.template(template))
        }
        try act(proxy)
        return try file.lines(count, of: proxy)
    }

    @Test func aKeptConnectionHasNoEnd() throws {
        let ends = try ends(try Origin(), lines: 2) { proxy in
            let client = try proxy.connect()
            #expect(try client.get().isGood && client.get("/none").isGood)
        }
        #expect(ends == ["- -", "- -"])
    }

    @Test func theClientAsked() throws {
        let ends = try ends(try Origin(), lines: 2) { proxy in
            _ = try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            _ = try proxy.exchange("GET / HTTP/1.0\r\n\r\n")
        }
        #expect(ends == ["client client_asked", "client client_asked"])
    }

    @Test func theClientHadEndedItsSide() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try gate.pass()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let ends = try ends(origin, servesHalfClosed: true) { proxy in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            client.endSending()
            try origin.wait(for: "the request") { !$0.received.joined().isEmpty }
            gate.open()
            _ = try client.readToEnd()
        }
        #expect(ends == ["client client_ended"])
    }

    @Test func theConnectionHasCarriedEnough() throws {
        let ends = try ends(try Origin(), lines: 3, limits: Limits(connectionRequests: 3)) { proxy in
            let client = try proxy.connect()
            for number in 1...3 { #expect(try client.get().announcesClose == (number == 3)) }
            #expect(try client.readEnding() == .closed)
        }
        #expect(ends == ["- -", "- -", "apus connection_requests"])
    }

    @Test func theClientWentAway() throws {
        let origin = try Origin.silent()
        let ends = try ends(origin) { proxy in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try origin.wait(for: "the request") { !$0.received.joined().isEmpty }
            client.reset()
        }
        #expect(ends == ["client client_closed"])
    }

    @Test func theOriginBrokeItsResponseOff() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        }
        #expect(try ends(origin) { _ = try $0.get() } == ["origin upstream_truncated"])
    }

    @Test func theOriginsFramingBroke() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
            try gate.pass()
            try connection.send("zz\r\n")
        }
        let ends = try ends(origin) { proxy in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try client.readResponseHead()
            gate.open()
            _ = try client.readToEnd()
        }
        #expect(ends == ["apus bad_response_body"])
    }

    @Test func theOriginStalled() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
            try gate.pass()
        }
        var timeouts = Timeouts()
        timeouts.body = .milliseconds(200)
        let ends = try ends(origin, timeouts: timeouts) { _ = try $0.get() }
        gate.open()
        #expect(ends == ["apus response_body_timeout"])
    }

    @Test(
        arguments: [
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "apus request_refused"),
            ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", "apus request_refused"),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "apus request_refused"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n", "apus request_refused"),
            ("GET / HTTP/1.1\r\nHo", "apus request_head_timeout"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nh", "apus request_body_timeout"),
        ])
    func theRequestWasNoGood(request: String, end: String) throws {
        var timeouts = Timeouts()
        timeouts.requestHead = .milliseconds(200)
        timeouts.body = .milliseconds(200)
        var limits = Limits()
        limits.bodyBytes = 50
        let ends = try ends(try Origin(), timeouts: timeouts, limits: limits) { proxy in
            let client = try proxy.connect()
            try client.send(request)
            _ = try client.readToEnd()
        }
        #expect(ends == [end])
    }

    @Test func theResponseCameBeforeTheRequestWasThere() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let ends = try ends(origin) { proxy in
            let client = try proxy.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nh")
            _ = try client.readResponse()
        }
        #expect(ends == ["apus early_response"])
    }

    /// The reason says what happened, and the end only what became of the connection: the rest of the body has nowhere to go.
    @Test func theOriginBrokeWhileTheRequestCame() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequestHead()
            connection.reset()
        }
        let ends = try ends(origin) { proxy in
            let client = try proxy.connect()
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nh")
            #expect(try client.readResponse().reason == "upstream_reset")
        }
        #expect(ends == ["apus early_response"])
    }

    @Test func onlyTheEndTellsAnHTTP10ClientWhereTheResponseEnds() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
        }
        let ends = try ends(origin) { proxy in
            _ = try proxy.exchange("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n")
        }
        #expect(ends == ["apus response_without_length"])
    }

    @Test func apusDrains() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try gate.pass()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        }
        let ends = try ends(origin) { proxy in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try origin.wait(for: "the request") { !$0.received.joined().isEmpty }
            proxy.dataPlane.drain()
            try proxy.eventually("the drain") { (try? proxy.connect().readEnding()) == nil }
            gate.open()
            _ = try client.readToEnd()
        }
        #expect(ends == ["apus draining"])
    }

    @Test func apusCutsWhatIsLeft() throws {
        let origin = try Origin.silent()
        let ends = try ends(origin) { proxy in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try origin.wait(for: "the request") { !$0.received.joined().isEmpty }
            proxy.dataPlane.stop()
            // A client that leaves meanwhile would be the reason.
            _ = try client.readToEnd()
        }
        #expect(ends == ["apus drain_deadline"])
    }

    @Test func theDocumentExplainsEveryEnd() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/access-log.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        let documented = text.matches(of: /\| `(?:client|origin|apus)` \| `(\w+)` \|/).map { String($0.output.1) }
        #expect(documented.sorted() == ConnectionEnd.allCases.compactMap { $0.token.map { "\($0)" } }.sorted())
        for field in AccessLogField.allCases { #expect(text.contains("| `\(field.rawValue)` |")) }
    }
}
