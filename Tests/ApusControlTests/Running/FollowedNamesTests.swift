import ApusAddresses
import ApusConfig
import ApusModel
import Synchronization
import Testing

@testable import ApusControl

/// Host names of endpoints while the configuration runs.
@Suite struct FollowedNamesTests {
    static let text = """
        listeners: [{ bind: 127.0.0.1:8080 }]
        pools: { web: { endpoints: [web.test:80, 10.0.0.9:80] } }
        """

    func fixture() throws -> ConfigurationFixture {
        try ConfigurationFixture(Self.text)
    }

    func answer(_ fixture: ConfigurationFixture, _ addresses: String...) {
        let ips = addresses.compactMap { IPAddress($0) }
        fixture.files.resolver.withLock { $0 = { _ in ips } }
    }

    @Test func oneThatIsFoundLaterIsUsedThen() async throws {
        let fixture = try fixture()
        #expect(await fixture.running.nameFacts.unresolved == ["web.test"])
        answer(fixture, "10.0.0.1", "10.0.0.2")
        await fixture.running.look(up: ["web.test"])
        let endpoints = try #require(await fixture.adopter.adopted.last).endpoints
        #expect(endpoints.map { "\($0.address) \($0.weight)" } == ["10.0.0.1:80 1", "10.0.0.2:80 1", "10.0.0.9:80 2"])
        #expect(await fixture.running.nameFacts.unresolved == [])
        #expect(await fixture.running.revision.number == 1)
    }

    @Test func theLastAddressStaysWhenItIsNotFound() async throws {
        let fixture = try fixture()
        answer(fixture, "10.0.0.1")
        await fixture.running.look(up: ["web.test"])
        answer(fixture)
        await fixture.running.look(up: ["web.test"])
        #expect(await fixture.adopter.adopted.count == 1)
        #expect(await fixture.running.nameFacts.unresolved == ["web.test"])
    }

    @Test func aNameServiceThatIsAwayRefusesNoReload() async throws {
        let fixture = try fixture()
        answer(fixture, "10.0.0.1")
        await fixture.running.look(up: ["web.test"])
        answer(fixture)
        fixture.files["apus.yaml"] = Self.text + "\nlimits: { head: 4KiB }"
        _ = try await fixture.running.reload(.signal)
        let endpoints = try #require(await fixture.adopter.adopted.last).endpoints
        #expect(endpoints.map { "\($0.address)" } == ["10.0.0.1:80", "10.0.0.9:80"])
    }

    @Test func whatWasChangedWhileRunningStaysWithItsAddress() async throws {
        let fixture = try fixture()
        answer(fixture, "10.0.0.1")
        await fixture.running.look(up: ["web.test"])
        try await fixture.running.change(.adjust(pool: "web", endpoint: "10.0.0.1:80", weight: nil, isDrained: true))
        answer(fixture, "10.0.0.1", "10.0.0.2")
        await fixture.running.look(up: ["web.test"])
        let endpoints = try #require(await fixture.adopter.adopted.last).endpoints
        #expect(endpoints.map { "\($0.address) \($0.weight)" } == ["10.0.0.1:80 0", "10.0.0.2:80 1", "10.0.0.9:80 2"])
    }

    @Test func anEndpointWithoutAnAddressCannotBeGivenAWeight() async throws {
        let fixture = try fixture()
        await #expect(throws: ConfigurationRefusal.self) {
            try await fixture.running.change(
                .adjust(pool: "web", endpoint: "web.test:80", weight: .number(5), isDrained: nil))
        }
    }
}
