import ApusConfig
import ApusModel
import Testing

@testable import ApusControl

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

    @Test func changedRoutesKeepTheEndpoints() async throws {
        let fixture = try ConfigurationFixture()
        let before = await fixture.running.loaded.snapshot
        try await fixture.running.apply(text: ConfigurationFixture.text.replacing("/v1/*", with: "/v2/*"))
        let after = await fixture.running.loaded.snapshot
        #expect(after.routing !== before.routing && after.upstreams === before.upstreams)
        #expect(after.routes != before.routes)
    }
}
