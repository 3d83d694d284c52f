import ApusConfig
import Testing

@testable import ApusControl
@testable import ApusModel

/// What a change leaves alone is not made again: neither by the admin server nor by a reload.
@Suite struct KeptHalvesTests {
    @Test func aChangedEndpointKeepsTheRoutesWhoeverChangesIt() async throws {
        let fixture = try ConfigurationFixture()
        let routing = await fixture.running.loaded.snapshot.routing
        try await fixture.running.change(
            .add(pool: "web", .init(address: DynamicStateTests.address("127.0.0.1:7"))))
        #expect(await fixture.adopter.adopted.last?.routing === routing)
        try await fixture.running.change(.remove(pool: "web", endpoint: "127.0.0.1:1"))
        #expect(await fixture.adopter.adopted.last?.routing === routing)

        fixture.files["apus.yaml"] = ConfigurationFixture.text.replacing("[127.0.0.1:3]", with: "[127.0.0.1:4]")
        try await fixture.running.reload(.admin)
        #expect(await fixture.running.loaded.snapshot.routing === routing)
        #expect(await fixture.adopter.adopted.last?.routing === routing)
        #expect(
            DynamicStateTests.weights(fixture.live.view.snapshot)
                == ["web/127.0.0.1:2=3", "web/127.0.0.1:7=1", "api/127.0.0.1:4=1"])
    }

    /// Each change is laid over what runs: of the pools that it is not about nothing is made, compared or checked, whatever
    /// was changed of them before.
    @Test func aChangeLeavesTheOtherPoolsAlone() async throws {
        let fixture = try ConfigurationFixture()
        func editions(_ snapshot: Snapshot?) throws -> [String: PoolEdition] {
            let snapshot = try #require(snapshot)
            return Dictionary(uniqueKeysWithValues: zip(snapshot.pools.map(\.name), snapshot.upstreams.editions))
        }
        let first = try editions(await fixture.running.loaded.snapshot)
        try await fixture.running.change(
            .add(pool: "web", .init(address: DynamicStateTests.address("127.0.0.1:7"))))
        let second = try editions(await fixture.adopter.adopted.last)
        #expect(second["api"] === first["api"] && second["web"] !== first["web"])
        try await fixture.running.change(
            .add(pool: "api", .init(address: DynamicStateTests.address("127.0.0.1:8"))))
        let third = try editions(await fixture.adopter.adopted.last)
        #expect(third["api"] !== first["api"] && third["web"] === second["web"])
        // What all changes together say is what was adopted.
        let (loaded, dynamic) = await (fixture.running.loaded, fixture.running.dynamic)
        #expect(await fixture.adopter.adopted.last == dynamic.applied(to: loaded))
    }

    /// A weight reaches the workers by a message; the next change of another pool has it as well.
    @Test func aWeightIsNotForgottenByTheNextChange() async throws {
        let fixture = try ConfigurationFixture()
        try await fixture.running.change(
            .adjust(pool: "web", endpoint: "127.0.0.1:1", weight: .number(9), isDrained: nil))
        try await fixture.running.change(
            .add(pool: "api", .init(address: DynamicStateTests.address("127.0.0.1:8"))))
        let adopted = try #require(await fixture.adopter.adopted.last)
        #expect(DynamicStateTests.weights(adopted).contains("web/127.0.0.1:1=9"))
        let (loaded, dynamic) = await (fixture.running.loaded, fixture.running.dynamic)
        #expect(adopted == dynamic.applied(to: loaded))
    }

    @Test func changedRoutesKeepTheEndpoints() async throws {
        let fixture = try ConfigurationFixture()
        let before = await fixture.running.loaded.snapshot
        try await fixture.running.apply(text: ConfigurationFixture.text.replacing("/v1/*", with: "/v2/*"))
        let after = await fixture.running.loaded.snapshot
        #expect(after.routing !== before.routing && after.upstreams === before.upstreams)
        #expect(after.routes != before.routes)
    }
}
