import ApusAddresses
import ApusConfig
import ApusModel
import Logging
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

    // MARK: - Names that lead to Apus itself

    static let ownText = """
        listeners: [{ bind: 127.0.0.1:8080, name: front, routes: [{ path: /ops, pool: ops }, { pool: web }] }]
        admin: { bind: 127.0.0.1:9900 }
        pools:
          web: { endpoints: [web.test:8080, 10.0.0.9:80] }
          ops: { endpoints: [ops.test:9900, 10.0.0.9:80] }
        """

    func ownFixture() throws -> (ConfigurationFixture, LogRecorder) {
        let log = LogRecorder()
        return (
            try ConfigurationFixture(
                Self.ownText, resolve: { _ in [IPAddress("10.0.0.1")!] }, logger: Logger(label: "test") { _ in log }),
            log
        )
    }

    /// Somebody else says what a name stands for, and may turn it about.
    @Test func aNameThatComesToLeadToAListenerIsToldOnceEachTime() async throws {
        let (fixture, log) = try ownFixture()
        for (address, told) in [("127.0.0.1", 1), ("127.0.0.1", 1), ("10.0.0.1", 1), ("127.0.0.1", 2)] {
            answer(fixture, address)
            await fixture.running.look(up: ["web.test"])
            #expect(
                log.lines.count { $0.contains("`web.test:8080` of the pool `web` is Apus itself") } == told,
                "\(address): \(log.lines)")
        }
        #expect(fixture.live.view.snapshot.endpoints[0].address == SocketAddress("127.0.0.1:8080"))
    }

    @Test func aNameThatComesToLeadToTheAdminServerGetsNothing() async throws {
        let (fixture, log) = try ownFixture()
        for address in ["127.0.0.1", "127.0.0.1", "10.0.0.1", "127.0.0.1"] {
            answer(fixture, address)
            await fixture.running.look(up: ["ops.test"])
            let endpoint = fixture.live.view.snapshot.endpoints[2]
            #expect(endpoint.isRefused == (address == "127.0.0.1"))
            #expect(endpoint.address.ip != IPAddress("127.0.0.1"))
        }
        #expect(log.lines.count { $0.contains("leads to the admin server at `127.0.0.1:9900`") } == 2, "\(log.lines)")
        // It is among addresses that are well.
        answer(fixture, "10.0.0.1", "127.0.0.1")
        await fixture.running.look(up: ["ops.test"])
        #expect(
            fixture.live.view.snapshot.endpoints.map { "\($0.address)" }
                == ["10.0.0.1:8080", "10.0.0.9:80", "10.0.0.1:9900", "10.0.0.9:80"])
        #expect(
            await fixture.running.state.loaded.ownEndpoints(in: fixture.live.view.snapshot).map(\.isRefused) == [true])
    }

    /// The admin server stays where it is bound, whatever a reload says of it.
    @Test func aReloadThatMovesTheAdminServerOpensNothing() async throws {
        let (fixture, log) = try ownFixture()
        answer(fixture, "127.0.0.1")
        await fixture.running.look(up: ["ops.test"])
        fixture.files["apus.yaml"] = Self.ownText.replacing("admin: { bind: 127.0.0.1:9900 }", with: "admin: off")
        try await fixture.running.reload(.signal)
        #expect(fixture.live.view.snapshot.endpoints[2].isRefused)
        #expect(log.lines.count { $0.contains("leads to the admin server") } == 2, "\(log.lines)")
    }

    @Test func whatIsKeptDoesNotLeadThereEither() async throws {
        let ip = IPAddress("127.0.0.1")!
        let kept = KeptNames([
            "ops.test": .init(addresses: [ip], found: 5), "web.test": .init(addresses: [ip], found: 5),
        ])
        let log = LogRecorder()
        let fixture = try ConfigurationFixture(
            Self.ownText, handed: HandedState(names: kept), logger: Logger(label: "test") { _ in log })
        #expect(fixture.live.view.snapshot.endpoints.map(\.isRefused) == [false, false, true, false])
        await fixture.running.tellOwnEndpoints()
        #expect(
            log.lines.count { $0.contains("is Apus itself") || $0.contains("leads to the admin") } == 2, "\(log.lines)")
    }

    @Test func anEndpointThatIsAddedIsToldOf() async throws {
        let (fixture, log) = try ownFixture()
        try await fixture.running.change(.add(pool: "web", .init(address: SocketAddress("127.0.0.1:9900")!)))
        #expect(log.lines.contains { $0.contains("is the admin server at `127.0.0.1:9900`") }, "\(log.lines)")
        #expect(await fixture.running.state.ownEndpoints.map(\.name) == ["127.0.0.1:9900"])
        // And again when it comes again.
        try await fixture.running.change(.remove(pool: "web", endpoint: "127.0.0.1:9900"))
        #expect(await fixture.running.state.ownEndpoints.isEmpty)
        try await fixture.running.change(.add(pool: "web", .init(address: SocketAddress("127.0.0.1:9900")!)))
        #expect(log.lines.count { $0.contains("is the admin server at `127.0.0.1:9900`") } == 2, "\(log.lines)")
    }

    @Test func aNameDoesNotLeadToThePortThatTheSystemGave() async throws {
        let text = Self.ownText.replacing("bind: 127.0.0.1:9900", with: "bind: 127.0.0.1:0")
        let fixture = try ConfigurationFixture(text, resolve: { _ in [IPAddress("127.0.0.1")!] })
        #expect(!fixture.live.view.snapshot.endpoints[2].isRefused)
        await fixture.running.adminListens(at: SocketAddress("127.0.0.1:9900")!)
        #expect(fixture.live.view.snapshot.endpoints[2].isRefused)
        #expect(await fixture.running.state.ownEndpoints.map(\.isRefused) == [false, true])
        fixture.files["apus.yaml"] = text + "\nlimits: { head: 4KiB }"
        try await fixture.running.reload(.signal)
        #expect(fixture.live.view.snapshot.limits.headBytes == 4_096)
        #expect(fixture.live.view.snapshot.endpoints[2].isRefused)
    }

    /// Nor does a change of a weight: no endpoint comes to be another one by it.
    @Test func theSystemIsNotAskedForAStatus() async throws {
        let text = """
            listeners: [{ bind: "0.0.0.0:8080" }]
            pools: { web: { endpoints: [10.0.0.1:8080, 10.0.0.2:8080] } }
            """
        let asked = Mutex(0)
        try await AdminFixture.run(text) { admin in
            admin.configuration.files.machine.withLock {
                $0 = {
                    asked.withLock { $0 += 1 }
                    return [IPAddress("10.0.0.2")!]
                }
            }
            let running = admin.configuration.running
            await running.tellOwnEndpoints()
            #expect(asked.withLock { $0 } == 1)
            for _ in 0..<3 {
                guard case .list(let own)? = try await admin.get("/v1/status").json()["ownEndpoints"] else {
                    Issue.record("no list")
                    return
                }
                #expect(own.map { $0["name"] } == [.text("10.0.0.2:8080")])
            }
            try await running.change(
                .adjust(pool: "web", endpoint: "10.0.0.1:8080", weight: .number(2), isDrained: nil))
            #expect(asked.withLock { $0 } == 1)
        }
    }
}
