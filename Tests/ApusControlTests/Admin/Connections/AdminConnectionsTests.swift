import ApusModel
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import ApusControl

@Suite struct AdminConnectionsTests {
    static let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

    static func limits(_ change: (inout AdminLimits) -> Void) -> AdminConnections {
        var limits = AdminLimits()
        change(&limits)
        return AdminConnections(limits: limits)
    }

    /// Silent connections are the first to go, the oldest of them first; then those that wait for another request.
    @Test func silentConnectionsMakeWay() async throws {
        let connections = Self.limits { $0.connections = 4 }
        try await AdminFixture.run(connections: connections) { server in
            let idle = try await server.connect(sending: Self.request)
            #expect(try await idle.comes { $0.received.hasSuffix("alive\n") })
            let half = try await server.connect(sending: "GET /livez HT")
            #expect(await eventually { connections.count(.readingHead) == 1 })
            var silent: [RawConnection] = []
            for number in 3...8 {
                silent.append(try await server.connect())
                // The system has it before the server has: one after the other, and none before it has been taken in.
                #expect(await eventually { connections.facts.accepted == number })
            }
            for _ in 0..<3 {
                let answer = try await server.get("/livez")
                #expect(answer.status == 200)
            }
            #expect(try await silent[3].comes { $0.isClosed })
            #expect(!idle.isClosed && !half.isClosed)
            #expect(await eventually { connections.facts.evicted >= 5 })
            #expect(connections.facts.open <= 4 && connections.facts.refused == 0)
            for connection in silent { connection.close() }
            #expect(await eventually { connections.facts.open == 2 })
            // Those that come now find nobody silent: who waits goes before who is in the middle of a head.
            var others: [RawConnection] = []
            for number in 2...4 {
                others.append(try await server.connect(sending: "GET"))
                #expect(await eventually { connections.count(.readingHead) == number })
            }
            #expect(try await idle.comes { $0.isClosed })
            for connection in others + [half] { connection.close() }
        }
    }

    /// Where all are busy, one more is closed at once, and counted.
    @Test func busyConnectionsStay() async throws {
        let connections = Self.limits { $0.connections = 2 }
        try await AdminFixture.run(connections: connections) { server in
            await server.configuration.adopter.hold()
            let text = ConfigurationFixture.text
            async let one = server.send("PUT", "/v1/config", [:], text.replacing("weight: 3", with: "weight: 4"))
            async let other = server.send("PUT", "/v1/config", [:], text.replacing("weight: 3", with: "weight: 5"))
            #expect(await eventually { connections.count(.busy) == 2 })
            let third = try await server.connect(sending: Self.request)
            #expect(try await third.comes { $0.isClosed } && third.received.isEmpty)
            #expect(connections.facts.refused == 1)
            await server.configuration.adopter.letGo()
            _ = try await (one, other)
        }
    }

    /// A connection that has begun a request since it was chosen to make way keeps it.
    @Test func whoHasBegunARequestStays() async throws {
        let connections = Self.limits { $0.connections = 2 }
        let channel = try await Self.channel()
        let first = try #require(connections.admit(channel, mayChange: true))
        let second = try #require(connections.admit(channel, mayChange: true))
        #expect(!connections.leaves(first), "nobody asked it to")
        _ = try #require(connections.admit(channel, mayChange: true))
        // It was the first one's turn to go.
        connections.changed(first, to: .busy)
        #expect(!connections.leaves(first))
        #expect(connections.facts.open == 3 && connections.facts.evicted == 0)
        // The next one brings them back to what there may be.
        connections.changed(first, to: .idle)
        _ = try #require(connections.admit(channel, mayChange: true))
        #expect(connections.leaves(second) && !connections.leaves(second))
        #expect(connections.facts.open == 2 && connections.facts.evicted == 1)
        try await channel.close()
    }

    /// However many read, a few who change something find a place.
    @Test func readersLeavePlacesToThoseWhoChange() async throws {
        let connections = Self.limits { $0.connections = 6 }
        let channel = try await Self.channel()
        let readers = try (0..<3).map { _ in try #require(connections.admit(channel, mayChange: false)) }
        for reader in readers { connections.changed(reader, to: .busy) }
        #expect(connections.admit(channel, mayChange: false) == nil)
        let operators = try (0..<3).map { _ in try #require(connections.admit(channel, mayChange: true)) }
        connections.changed(readers[1], to: .transferring)
        #expect(connections.admit(channel, mayChange: false) == nil, "silent as the others are, they are no readers")
        connections.changed(readers[2], to: .idle)
        #expect(connections.admit(channel, mayChange: false) != nil)
        #expect(connections.leaves(readers[2]))
        for one in operators { connections.changed(one, to: .busy) }
        #expect(connections.facts.refused == 2 && connections.facts.open == 6)
        #expect(AdminLimits().connectionsOfReaders == 124)
        try await channel.close()
    }

    /// A listener without changes is known as such.
    @Test func aListenerThatOnlyReadsHasLess() async throws {
        let connections = Self.limits { $0.connections = 2 }
        try await AdminFixture.run(admin: AdminFixture.address, connections: connections) { server in
            let first = try await server.connect()
            #expect(await eventually { connections.facts.open == 1 })
            let second = try await server.connect()
            #expect(try await first.comes { $0.isClosed })
            #expect(connections.facts.open == 1 && connections.facts.evicted == 1)
            second.close()
        }
    }

    /// A server that ends has nobody for a connection that it has just accepted: it is closed.
    @Test func aConnectionThatNobodyTakesIsClosed() async throws {
        let connections = Self.limits { $0.connections = 2 }
        let ended = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                AdminChannel(connections: connections, mayChange: { false }, responder: { _, _, _ in })
                    .setup(channel: channel, logger: Logger(label: "test"))
            }
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(to: try #require(ended.channel.localAddress)).get()
        #expect(await eventually { connections.facts.accepted == 1 })
        try await ended.executeThenClose { _ in }
        try await client.closeFuture.get()
        #expect(await eventually { connections.facts.open == 0 })
    }

    /// Some connection that is open.
    static func channel() async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton).bind(host: "127.0.0.1", port: 0).get()
    }

    @Test func theMetricsCountThem() async throws {
        let connections = AdminConnections()
        try await AdminFixture.run(connections: connections) { server in
            let silent = try await server.connect()
            #expect(await eventually { connections.facts.accepted == 1 })
            let metrics = try Exposition(try await server.get("/metrics").body)
            #expect(metrics.value("apus_admin_connections") == 2)
            #expect(metrics.value("apus_admin_connections_limit") == 128)
            #expect(metrics.value("apus_admin_accepted_connections_total") == 2)
            #expect(metrics.value("apus_admin_closed_connections_total", ["cause": "idle"]) == 0)
            silent.close()
        }
    }

    // MARK: - Time

    @Test func silentConnectionsEnd() async throws {
        try await AdminFixture.run(connections: Self.limits { $0.requestHead = .milliseconds(50) }) { server in
            let silent = try await server.connect()
            #expect(try await silent.comes { $0.isClosed } && silent.received.isEmpty)
        }
    }

    @Test func headsThatTrickleEnd() async throws {
        try await AdminFixture.run(connections: Self.limits { $0.requestHead = .seconds(4) }) { server in
            let slow = try await server.connect(sending: "GET /livez HTTP/1.1\r\n")
            for _ in 0..<200 where !slow.isClosed {
                try? await slow.send("X: y\r\n")
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(try await slow.comes { $0.isClosed })
            #expect(try AdminFixture.Answer(slow.received).fields["apus-reason"] == "request_head_timeout")
        }
    }

    @Test func idleConnectionsEnd() async throws {
        try await AdminFixture.run(connections: Self.limits { $0.idle = .milliseconds(50) }) { server in
            let idle = try await server.connect(sending: Self.request)
            #expect(try await idle.comes { $0.isClosed } && idle.received.hasSuffix("alive\n"))
        }
    }

    @Test func bodiesThatStopEnd() async throws {
        try await AdminFixture.run(connections: Self.limits { $0.body = .seconds(1) }) { server in
            let slow = try await server.connect(
                sending: "POST /v1/config/validate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nlisten")
            #expect(try await slow.comes { $0.received.contains("request_body_timeout") }, "\(slow.received)")
            #expect(try AdminFixture.Answer(slow.received).status == 408)
            slow.close()
        }
    }

    /// A client that does not read has its connection closed, and what was made for it is given back.
    @Test func answersThatNobodyReadsEnd() async throws {
        let connections = Self.limits { $0.body = .milliseconds(300) }
        let endpoints = (1...4000).map { "127.0.0.1:\($0)" }.joined(separator: ", ")
        let text = "listeners: [{ bind: 127.0.0.1:8080 }]\npools: { web: { endpoints: [\(endpoints)] } }"
        try await AdminFixture.run(text, connections: connections) { server in
            let deaf = try await server.connect()
            try await deaf.stopReading()
            // All at once: the server may have closed before a second write is made.
            try await deaf.send(String(repeating: "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 3))
            for _ in 0..<1000 where connections.facts.open > 0 { try await Task.sleep(for: .milliseconds(10)) }
            #expect(connections.facts.open == 0)
            deaf.close()
        }
    }
}
