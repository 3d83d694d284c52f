import ApusBalancing
import ApusModel
import NIOPosix
import Testing

@testable import ApusControl

@Suite struct ProbeTests {
    func probe(_ address: SocketAddress, _ kind: HealthCheck.Probe, timeout: Duration = .seconds(5)) async
        -> CheckFailure?
    {
        await Probe(address: address, check: HealthCheck(probe: kind, timeout: timeout))
            .run(on: MultiThreadedEventLoopGroup.singleton.next())
    }

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
        let timeout = Duration.milliseconds(status < 200 ? 100 : 5000)
        #expect(await probe(origin.address, .http(path: "/"), timeout: timeout) == failure)
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
        #expect(await probe(origin.address, .http(path: "/")) == .malformedResponse)
    }

    @Test func aClosedConnectionFails() async throws {
        let origin = try await ScriptedOrigin(.close)
        #expect(await probe(origin.address, .http(path: "/")) == .connectionClosed)
    }

    @Test(arguments: [HealthCheck.Probe.tcp, .http(path: "/")])
    func aRefusedConnectionFails(kind: HealthCheck.Probe) async throws {
        #expect(await probe(try await closedAddress(), kind) == .connectionRefused)
    }

    @Test func aTCPProbeNeedsNoAnswer() async throws {
        let origin = try await ScriptedOrigin(.silence)
        #expect(await probe(origin.address, .tcp) == nil)
        #expect(origin.requests.isEmpty)
    }

    @Test func aHungProbeEndsWithItsTimeoutAndLeavesNothing() async throws {
        let origin = try await ScriptedOrigin(.silence)
        let start = ContinuousClock.now
        #expect(await probe(origin.address, .http(path: "/"), timeout: .milliseconds(50)) == .timedOut)
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(await eventually { origin.connections == 1 && origin.openConnections == 0 })
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
