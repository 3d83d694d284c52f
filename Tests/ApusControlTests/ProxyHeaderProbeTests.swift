import ApusAddresses
import ApusBalancing
import ApusModel
import ApusTLS
import ApusTestKit
import NIOPosix
import Testing

@testable import ApusControl

/// Probes of pools whose connections begin with a header of the PROXY protocol: theirs names nobody.
@Suite struct ProxyHeaderProbeTests {
    private func failure(
        _ address: SocketAddress, _ kind: HealthCheck.Probe, _ version: ProxyProtocol, port: UInt16? = nil,
        tls: (PoolTLS, String)? = nil
    ) async -> CheckFailure? {
        var check = HealthCheck(probe: kind, timeout: .seconds(60))
        check.port = port
        return await Probe(address: address, check: check, tls: tls, proxyProtocol: version)
            .run(on: MultiThreadedEventLoopGroup.singleton.next())
    }

    private static let kinds: [HealthCheck.Probe] = [
        .tcp, .tcpExchange(send: Array("PING".utf8), expect: Array("PONG".utf8)), .http(path: "/"),
    ]

    /// What a probe says before all else.
    @Test(arguments: ProxyProtocol.allCases, kinds)
    func aProbeBeginsWithAHeader(version: ProxyProtocol, kind: HealthCheck.Probe) async throws {
        let header = ProxyHeader.bytesOfNobody(version)
        let origin = try Origin { connection in
            guard try connection.read(header.count) == header else { return }
            switch kind {
            case .tcpExchange:
                if try connection.read(4) == Array("PING".utf8) { try connection.send("PONG") }
            case .http:
                if try connection.readRequest() != nil {
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                }
            default: while try connection.receiveMore() {}
            }
        }
        #expect(await failure(origin.address, kind, version) == nil)
        try origin.wait(for: "the end") { $0.ended == 1 }
        #expect(origin.record.received[0].starts(with: header) && origin.failures.isEmpty)
    }

    /// What listens at another port is another server.
    @Test func aProbeOfAnotherPortDoesNot() async throws {
        let (checked, other) = (try Origin(), try RefusingPort())
        #expect(await failure(other.address, .http(path: "/"), .v2, port: checked.address.port) == nil)
        #expect(checked.requests.count == 1)
    }

    @Test func theHeaderStandsBeforeTLS() async throws {
        let origin = try Origin.silent()
        var rules = PoolTLS()
        rules.authorities = nil
        var check = HealthCheck(probe: .tcp, timeout: .milliseconds(500))
        check.speaksTLS = true
        let failure = await Probe(address: origin.address, check: check, tls: (rules, "127.0.0.1"), proxyProtocol: .v1)
            .run(on: MultiThreadedEventLoopGroup.singleton.next())
        #expect(failure != nil)
        let received = try #require(origin.record.received.first)
        let header = ProxyHeader.bytesOfNobody(.v1)
        #expect(received.starts(with: header) && received.dropFirst(header.count).first == 22)
    }
}
