import ApusAddresses
import ApusConfig
import ApusModel
import Testing

@testable import ApusControl

@Suite struct DynamicStateTests {
    static func weights(_ snapshot: Snapshot) -> [String] {
        snapshot.pools.flatMap { pool in
            snapshot.endpoints[pool.endpoints].map { "\(pool.name)/\($0.name)=\($0.weight)" }
        }
    }

    static func address(_ text: String) -> SocketAddress { SocketAddress(text)! }

    @Test func weightsAndDrainsReachTheWorkersAtOnce() async throws {
        let fixture = try ConfigurationFixture()
        let change = { (weight: DynamicChange.Weight?, isDrained: Bool?) in
            _ = try await fixture.running.change(
                .adjust(pool: "web", endpoint: "127.0.0.1:2", weight: weight, isDrained: isDrained))
        }
        try await change(.number(9), nil)
        try await change(nil, true)
        try await change(.number(5), nil)
        try await change(nil, false)
        try await change(.asConfigured, nil)
        // What is so already is told to nobody.
        try await change(.asConfigured, nil)
        #expect(await fixture.adopter.weights == [9, 0, 0, 5, 3].map { "web 127.0.0.1:2 \($0)" })
        #expect(await fixture.adopter.adopted.isEmpty)
        #expect(await fixture.running.dynamic.isEmpty)
    }

    @Test func endpointsComeAndGoAndOutliveReloads() async throws {
        let fixture = try ConfigurationFixture()
        let seven = DynamicChange.NewEndpoint(address: Self.address("127.0.0.1:7"), weight: 2, tier: 1, zone: "b")
        try await fixture.running.change(.add(pool: "web", seven))
        try await fixture.running.change(.remove(pool: "web", endpoint: "127.0.0.1:1"))
        let wanted = ["web/127.0.0.1:2=3", "web/127.0.0.1:7=2", "api/127.0.0.1:3=1"]
        #expect(Self.weights(fixture.live.view.snapshot) == wanted)
        #expect(
            fixture.live.view.snapshot.endpoints[1].zone == "b" && fixture.live.view.snapshot.endpoints[1].tier == 1)
        #expect(fixture.live.view.snapshot.endpoints.map(\.pool) == [0, 0, 1])
        try await fixture.running.apply(text: ConfigurationFixture.text + "\ntimeouts: { drain: 1s }")
        #expect(Self.weights(fixture.live.view.snapshot) == wanted)
        try await fixture.running.change(.remove(pool: "web", endpoint: "127.0.0.1:7"))
        try await fixture.running.change(.add(pool: "web", .init(address: Self.address("127.0.0.1:1"))))
        #expect(Self.weights(fixture.live.view.snapshot) == Self.weights(await fixture.running.loaded.snapshot))
        #expect(await fixture.running.dynamic.isEmpty)
    }

    @Test func contradictionsAreRefused() async throws {
        let fixture = try ConfigurationFixture()
        let one = DynamicChange.NewEndpoint(address: Self.address("127.0.0.1:1"))
        for change in [
            DynamicChange.add(pool: "web", one), .add(pool: "nobody", one),
            .remove(pool: "api", endpoint: "127.0.0.1:3"),
            .remove(pool: "web", endpoint: "127.0.0.1:9"),
            .adjust(pool: "nobody", endpoint: "127.0.0.1:1", weight: .number(1), isDrained: nil),
        ] {
            await #expect(throws: ConfigurationRefusal.self, "\(change)") { try await fixture.running.change(change) }
        }
        #expect(await fixture.running.dynamic.isEmpty)
        await fixture.adopter.fail("no")
        await #expect(throws: ConfigurationRefusal.self) {
            try await fixture.running.change(.remove(pool: "web", endpoint: "127.0.0.1:1"))
        }
        #expect(await fixture.running.dynamic.isEmpty)
    }

    /// What somebody wrote later counts; what is about nothing is dropped, and said.
    @Test func configurationsThatComeAfter() async throws {
        let fixture = try ConfigurationFixture()
        let seven = DynamicChange.NewEndpoint(address: Self.address("127.0.0.1:7"), weight: 2)
        try await fixture.running.change(.add(pool: "web", seven))
        try await fixture.running.change(
            .adjust(pool: "web", endpoint: "127.0.0.1:2", weight: .number(9), isDrained: nil))
        try await fixture.running.change(
            .adjust(pool: "web", endpoint: "127.0.0.1:1", weight: nil, isDrained: true))
        try await fixture.running.change(
            .adjust(pool: "api", endpoint: "127.0.0.1:3", weight: .number(4), isDrained: nil))
        let text = """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools:
              web: { endpoints: [127.0.0.1:1, { address: 127.0.0.1:2, weight: 5 }, 127.0.0.1:7] }
            """
        let adoption = try await fixture.running.apply(text: text)
        #expect(
            Self.weights(fixture.live.view.snapshot) == ["web/127.0.0.1:1=0", "web/127.0.0.1:2=5", "web/127.0.0.1:7=1"])
        #expect(adoption.notes.filter { $0.contains("dropped") }.count == 2)
        #expect(
            adoption.notes.contains { $0.contains("127.0.0.1:7") && $0.contains("stands in the configuration now") })
        #expect(await fixture.running.dynamic.entries.map(\.isDrained) == [true])
    }

    /// Cookies of an endpoint that was added are those that it would have, had it been configured.
    @Test func addedEndpointsHaveTheirSessions() async throws {
        let text = { (endpoints: String) in
            """
            listeners: [{ bind: 127.0.0.1:8080 }]
            pools:
              web: { endpoints: [\(endpoints)], sticky: { cookie: id, secret: a secret of sixteen } }
            """
        }
        let fixture = try ConfigurationFixture(text("127.0.0.1:1"))
        try await fixture.running.change(.add(pool: "web", .init(address: Self.address("127.0.0.1:7"))))
        let configured = try ConfigurationFixture(text("127.0.0.1:1, 127.0.0.1:7"))
        let tokens = fixture.live.view.snapshot.endpoints.map(\.sessionToken)
        #expect(tokens == configured.live.view.snapshot.endpoints.map(\.sessionToken))
        #expect(Set(tokens).count == 2 && !tokens[1].isEmpty)
    }

    @Test func aSuccessorIsToldAllOfIt() async throws {
        let fixture = try ConfigurationFixture()
        try await fixture.running.change(
            .add(pool: "web", .init(address: Self.address("[::1]:7"), weight: 2, zone: "b")), persistent: false)
        try await fixture.running.change(
            .adjust(pool: "web", endpoint: "127.0.0.1:1", weight: .number(0), isDrained: true))
        let state = await fixture.running.dynamic
        #expect(HandedState(encoded: HandedState(dynamic: state).encoded)?.dynamic == state)
        #expect(HandedState(encoded: Array("nonsense".utf8)) == nil)
        var handed = HandedState(dynamic: state)
        handed.ticketKeys = [Array(0..<48), Array(48..<96)]
        let told = try #require(HandedState(encoded: handed.encoded))
        #expect(told == handed && told.leftOut == 0)
    }
}
