import ApusAddresses
import ApusBalancing
import ApusModel
import NIOPosix
import Testing

@testable import ApusControl

@Suite struct ProbeTests {
    /// Its time is long enough for a busy machine, unless a test is about it.
    func probe(
        _ address: SocketAddress, _ kind: HealthCheck.Probe, timeout: Duration = .seconds(60), port: UInt16? = nil
    ) async -> CheckFailure? {
        await Probe(address: address, check: HealthCheck(probe: kind, timeout: timeout, port: port))
            .run(on: MultiThreadedEventLoopGroup.singleton.next())
    }

    /// Descriptors that are kept for others are none for a probe: it lacks one, and asks nobody.
    @Test func aProbeLeavesTheLastDescriptors() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        func failure(_ bound: Int32) async -> CheckFailure? {
            let check = HealthCheck(probe: .tcp, timeout: .seconds(60))
            return await Probe(address: origin.address, check: check, descriptorBound: bound)
                .run(on: MultiThreadedEventLoopGroup.singleton.next())
        }
        #expect(await failure(1)?.shortage == .descriptors)
        #expect(origin.connections == 0)
        #expect(await failure(1 << 20) == nil)
    }

    // MARK: - HTTP

    @Test func anHTTPProbeAsksAsItSays() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        #expect(await probe(origin.address, .http(path: "/healthz?deep=1")) == nil)
        #expect(
            origin.requests == [
                """
                GET /healthz?deep=1 HTTP/1.1\r
                Host: \(origin.address)\r
                User-Agent: apus-health/0.1.0\r
                Connection: close\r
                \r

                """
            ])
    }

    @Test(
        arguments: [
            (200, nil), (204, nil), (399, nil), (199, .timedOut), (400, .status(400)), (503, .status(503)),
        ] as [(Int, CheckFailure?)])
    func statusDecides(status: Int, failure: CheckFailure?) async throws {
        let origin = try await ScriptedOrigin(.answer("HTTP/1.1 \(status) Whatever\r\nContent-Length: 0\r\n\r\n"))
        // An informational response is not an answer yet.
        // Long enough for a busy machine to connect in.
        let timeout = Duration.milliseconds(status < 200 ? 1000 : 10_000)
        #expect(await probe(origin.address, .http(path: "/"), timeout: timeout) == failure)
    }

    @Test func theRequestIsWhatItsSettingsSay() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        let asked = HTTPProbe(
            method: "POST", path: "/check", host: "shop.example.com",
            headers: [.init(name: "X-Check", value: "1"), .init(name: "user-agent", value: "probe")])
        #expect(await probe(origin.address, .http(asked)) == nil)
        #expect(
            origin.requests == [
                """
                POST /check HTTP/1.1\r
                Host: shop.example.com\r
                Connection: close\r
                Content-Length: 0\r
                X-Check: 1\r
                user-agent: probe\r
                \r

                """
            ])
    }

    @Test func aHeadProbeWaitsForNoBody() async throws {
        let origin = try await ScriptedOrigin(.answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"))
        #expect(await probe(origin.address, .http(HTTPProbe(method: "HEAD", path: "/"))) == nil)
    }

    @Test(arguments: [(200, true), (204, false), (301, true), (302, true), (303, false), (503, true)])
    func expectedStatusesDecide(status: Int, passes: Bool) async throws {
        let origin = try await ScriptedOrigin(.answer("HTTP/1.1 \(status) Whatever\r\nContent-Length: 0\r\n\r\n"))
        let statuses = [200...200, 301...302, 503...503]
        let failure = await probe(origin.address, .http(HTTPProbe(path: "/", statuses: statuses)))
        #expect(failure == (passes ? nil : .status(status, expected: statuses)))
        #expect(passes || failure?.description == "status \(status), expected 200, 301-302, 503")
    }

    @Test func theBodyIsLookedAtWhereThatIsAsked() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        let wanted = HTTPProbe(path: "/", bodyContains: "ok")
        #expect(await probe(origin.address, .http(wanted)) == nil)
        origin.play(.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfail"))
        let failure = await probe(origin.address, .http(wanted))
        #expect(failure == .bodyLacks("ok") && failure?.description == #"body does not contain "ok""#)
        origin.play(.answer("HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nok"))
        #expect(await probe(origin.address, .http(wanted)) == .status(500), "the status first")
        origin.play(.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n"))
        #expect(await probe(origin.address, .http(wanted)) == nil, "found before the end, across chunks")
        origin.play(.answerAndClose("HTTP/1.0 200 OK\r\n\r\nfail"))
        #expect(await probe(origin.address, .http(wanted)) == .bodyLacks("ok"), "the connection's end is the body's")
        origin.play(.answerAndClose("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfail"))
        #expect(await probe(origin.address, .http(wanted)) == .connectionClosed, "cut short")
    }

    @Test func noMoreThan64KiBOfABodyIsLookedAt() async throws {
        let limit = HTTPProbeExchange.bodyLimit
        #expect(limit == 65_536)
        let wanted = HTTPProbe(path: "/", bodyContains: "needle")
        func answer(_ body: String) -> ScriptedOrigin.Script {
            .answer("HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + body)
        }
        let origin = try await ScriptedOrigin(answer(String(repeating: "x", count: limit - 6) + "needle"))
        #expect(await probe(origin.address, .http(wanted)) == nil)
        origin.play(answer(String(repeating: "x", count: limit - 5) + "needle"))
        #expect(await probe(origin.address, .http(wanted)) == .bodyLacks("needle"), "at once, not at its time-out")
    }

    /// Wherever the bytes are cut, the text is found, and no sooner than it is there.
    @Test func textIsFoundHoweverItComes() {
        let bytes = Array("aab aabaaac".utf8)
        for first in 0...bytes.count {
            for second in first...bytes.count {
                var search = TextSearch("aabaaac", limit: 11)
                search.look(at: bytes[..<first])
                search.look(at: bytes[first..<second])
                #expect(search.isFound == (second == bytes.count) && !search.isOver)
                search.look(at: bytes[second...])
                #expect(search.isFound)
            }
        }
        var short = TextSearch("aabaaac", limit: 10)
        short.look(at: bytes)
        #expect(!short.isFound && short.isOver)
        #expect(TextSearch("", limit: 1).isFound)
    }

    @Test func anInformationalResponseIsSkipped() async throws {
        let origin = try await ScriptedOrigin(
            .answer("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
        #expect(await probe(origin.address, .http(path: "/")) == nil)
    }

    @Test func theBodyIsNotWaitedFor() async throws {
        let origin = try await ScriptedOrigin(.answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"))
        #expect(await probe(origin.address, .http(path: "/")) == nil)
    }

    @Test func whatIsNotHTTPFails() async throws {
        let origin = try await ScriptedOrigin(.answer("SSH-2.0-OpenSSH_9.2\r\n\r\n"))
        let failure = await probe(origin.address, .http(path: "/"))
        #expect(failure == .malformedResponse && failure?.description == "malformed response: bad_response")
    }

    /// What the proxy refuses from an endpoint, and why.
    static let refused = [
        ("HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", "bare_lf"), ("HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "bare_cr"),
        ("HTTP/1.1 200 OK\r\nX a: b\r\n\r\n", "space_before_colon"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n", "space_before_colon"),
        ("HTTP/1.1 200 OK\r\n X: a\r\n\r\n", "obsolete_line_folding"),
        ("HTTP/1.1 200 OK\r\nX(: a\r\n\r\n", "bad_field_name"),
        ("HTTP/1.1 200 OK\r\nX: \0\r\n\r\n", "bad_field_value"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", "bad_content_length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "conflicting_content_length"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "content_length_with_transfer_encoding"
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", "bad_transfer_encoding"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "unsupported_transfer_coding"),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer_encoding_in_http10"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "unexpected_upgrade"),
        ("HTTP/1.1 200 OK\r\n" + String(repeating: "X: a\r\n", count: 257) + "\r\n", "response_head_too_large"),
        ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 66_000), "response_head_too_large"),
        ("HTTP/2.0 200 OK\r\n\r\n", "bad_response"), ("HTTP/1.1 20 OK\r\n\r\n", "bad_response"),
    ]

    @Test(arguments: refused)
    func whatTheProxyRefusesIsNotHealthy(answer: String, reason: String) async throws {
        let origin = try await ScriptedOrigin(.answer(answer))
        let failure = await probe(origin.address, .http(path: "/"))
        #expect(failure?.description == "malformed response: \(reason)")
    }

    @Test(arguments: [
        "2;a=\r\nok\r\n0\r\n\r\n", "2\nok\r\n0\r\n\r\n", "2\r\nokk\r\n", "+2\r\nok\r\n", "0\r\nX a: b\r\n\r\n",
    ])
    func aBodyIsReadAsTheProxyReadsIt(body: String) async throws {
        let origin = try await ScriptedOrigin(.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body))
        let failure = await probe(origin.address, .http(HTTPProbe(path: "/", bodyContains: "needle")))
        let reason = body.hasPrefix("0") ? "bad_trailer" : "bad_chunk"
        #expect(failure?.description == "malformed response: \(reason)")
    }

    /// What the proxy bears is healthy.
    @Test(arguments: [
        "HTTP/1.1 200\r\n\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 02\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + String(repeating: "Set-Cookie: a\r\n", count: 200) + "\r\n",
    ])
    func whatTheProxyBearsIsHealthy(answer: String) async throws {
        let origin = try await ScriptedOrigin(.answer(answer))
        #expect(await probe(origin.address, .http(path: "/")) == nil)
    }

    @Test func anExpectedBodyIsFoundInAnyFraming() async throws {
        let wanted = HealthCheck.Probe.http(HTTPProbe(path: "/", bodyContains: "needle"))
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        let origin = try await ScriptedOrigin(.answer(chunked + "3  \r\nnee\r\n3 ;a=b\r\ndle\r\n"))
        #expect(await probe(origin.address, wanted) == nil)
        origin.play(.answer(chunked + "3\r\nnee\r\n0\r\nX: dle\r\n\r\n"))
        #expect(await probe(origin.address, wanted) == .bodyLacks("needle"), "at the end, not at the time-out")
        origin.play(.answer("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nxneedlex"))
        #expect(await probe(origin.address, wanted) == nil)
        origin.play(.answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nneedle"))
        #expect(await probe(origin.address, wanted) == .bodyLacks("needle"), "no more than its length")
        origin.play(.answerAndClose("HTTP/1.1 200 OK\r\n\r\nxneedle"))
        #expect(await probe(origin.address, wanted) == nil)
        origin.play(.answerAndClose(chunked + "3\r\nnee\r\n"))
        #expect(await probe(origin.address, wanted) == .connectionClosed, "cut short")
    }

    /// A response counts the same in however many pieces it comes.
    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nxneedlex", true),
        ("HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nneedlx", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3 ;a=b\r\nnee\r\n3\r\ndle\r\n0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnee\r\n0\r\nX: dle\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\n\r\nneedle", true),
    ])
    func aBodyIsFoundHoweverItComes(response: String, passes: Bool) async throws {
        let wanted = HealthCheck.Probe.http(HTTPProbe(path: "/", bodyContains: "needle"))
        let origin = try await ScriptedOrigin(.answerInPieces(response))
        #expect(await probe(origin.address, wanted) == (passes ? nil : .bodyLacks("needle")))
    }

    @Test func aClosedConnectionFails() async throws {
        let origin = try await ScriptedOrigin(.close)
        #expect(await probe(origin.address, .http(path: "/")) == .connectionClosed)
    }

    @Test(arguments: [
        HealthCheck.Probe.tcp, .http(path: "/"), .tcpExchange(send: Array("PING".utf8), expect: Array("+".utf8)),
    ])
    func aRefusedConnectionFails(kind: HealthCheck.Probe) async throws {
        #expect(await probe(closedAddress, kind) == .connectionRefused)
    }

    @Test func aProbeMayHaveAPortOfItsOwn() async throws {
        let origin = try await ScriptedOrigin(ScriptedOrigin.ok)
        #expect(await probe(closedAddress, .http(path: "/"), port: origin.address.port) == nil)
        #expect(origin.requests[0].contains("Host: \(origin.address)\r\n"), "named as it was reached")
        #expect(await probe(origin.address, .tcp, port: closedAddress.port) == .connectionRefused)
    }

    // MARK: - TCP

    static func exchange(_ send: String, _ expect: String) -> HealthCheck.Probe {
        .tcpExchange(send: Array(send.utf8), expect: Array(expect.utf8))
    }

    @Test func anExchangeSendsAndExpects() async throws {
        let origin = try await ScriptedOrigin(.reply("+PONG\r\n"))
        #expect(await probe(origin.address, Self.exchange("PING\r\n", "+PONG")) == nil)
        #expect(origin.requests == ["PING\r\n"])
        #expect(await probe(origin.address, Self.exchange("PING\r\n", "")) == nil, "nothing is expected")
        #expect(await eventually { origin.openConnections == 0 })
    }

    @Test func aWrongAnswerFailsAtOnceAndIsTold() async throws {
        let origin = try await ScriptedOrigin(.reply("-ERR no such user\r\n"))
        let failure = await probe(origin.address, Self.exchange("PING\r\n", "+PONG"), timeout: .seconds(60))
        #expect(failure?.description == #"expected "+PONG", got "-ERR no such user\r\n""#)
        origin.play(.reply("x+PONG"))
        let later = await probe(origin.address, Self.exchange("PING", "+PONG"), timeout: .seconds(60))
        #expect(later?.description == #"expected "+PONG", got "x+PONG""#, "it has to begin with it")
    }

    @Test func anAnswerMayBeShortLateOrMissing() async throws {
        let origin = try await ScriptedOrigin(.reply("+PO"))
        // Long enough for a busy machine to connect in: what is late is to be the answer.
        let exchange = Self.exchange("PING\r\n\r\n", "+PONG")
        #expect(await probe(origin.address, exchange, timeout: .seconds(4)) == .timedOut)
        origin.play(.answerAndClose("+PO"))
        #expect(await probe(origin.address, exchange)?.description == #"expected "+PONG", got "+PO""#)
        origin.play(.close)
        #expect(await probe(origin.address, exchange) == .connectionClosed)
        origin.play(.silence)
        #expect(await probe(origin.address, exchange, timeout: .seconds(4)) == .timedOut)
        #expect(await eventually { origin.openConnections == 0 })
    }

    @Test func aBannerIsWaitedFor() async throws {
        let origin = try await ScriptedOrigin(.greet("220 mail.example.com ESMTP\r\n"))
        #expect(await probe(origin.address, Self.exchange("", "220 ")) == nil)
        #expect(await probe(origin.address, Self.exchange("", "SSH-2.0")) != nil)
    }

    @Test func aTCPProbeNeedsNoAnswer() async throws {
        let origin = try await ScriptedOrigin(.silence)
        #expect(await probe(origin.address, .tcp) == nil)
        #expect(origin.requests.isEmpty)
    }

    @Test func aHungProbeEndsWithItsTimeoutAndLeavesNothing() async throws {
        let origin = try await ScriptedOrigin(.silence)
        #expect(await probe(origin.address, .http(path: "/"), timeout: .milliseconds(500)) == .timedOut)
        #expect(await eventually { origin.connections == 1 && origin.openConnections == 0 })
        #expect(origin.lastConnectionTime < .seconds(5))
    }

    @Test func aCancelledProbeEndsAtOnceAndLeavesNothing() async throws {
        let origin = try await ScriptedOrigin(.silence)
        let probing = Task { await probe(origin.address, .http(path: "/"), timeout: .seconds(60)) }
        #expect(await eventually { !origin.requests.isEmpty })
        probing.cancel()
        _ = await probing.value
        #expect(await eventually { origin.openConnections == 0 })
    }
}
