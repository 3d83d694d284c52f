import ApusBalancing
import ApusModel
import Foundation
import FoundationNetworking
import Logging
import NIOPosix
import Testing

@testable import ApusControl

@Suite struct AdminServerTests {
    struct Answer: Equatable {
        var status: Int
        var body: String
        var type: String?
    }

    static let down = EndpointHealth.State.downAfterProbes

    /// What the admin server answers to GET `path` while its endpoints are in the given states.
    func get(_ path: String, _ states: [EndpointHealth.State] = [.up], _ phase: ServingState.Phase = .serving)
        async throws -> Answer
    {
        let snapshot = Snapshot.pool(states.map { _ in SocketAddress("127.0.0.1:1")! })
        let serving = ServingState()
        serving.phase = phase
        let (bound, sink) = AsyncStream<SocketAddress>.makeStream()
        let server = AdminServer(
            address: SocketAddress("127.0.0.1:0")!, snapshot: snapshot,
            metrics: MetricsText(snapshot: snapshot, link: FakeDataPlane(snapshot)), serving: serving,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"),
            health: { HealthReport(endpoints: states) }, listening: { sink.yield($0) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = bound.makeAsyncIterator()
            let address = try #require(await iterator.next())
            let (data, response) = try await URLSession.shared.data(from: URL(string: "http://\(address)\(path)")!)
            group.cancelAll()
            let http = try #require(response as? HTTPURLResponse)
            return Answer(
                status: http.statusCode, body: String(decoding: data, as: UTF8.self),
                type: http.value(forHTTPHeaderField: "Content-Type"))
        }
    }

    @Test func metricsAreWellFormed() async throws {
        let answer = try await get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.type == "text/plain; version=0.0.4; charset=utf-8")
        #expect(try Exposition(answer.body).value("apus_endpoint_up", ["pool": "web", "endpoint": "127.0.0.1:1"]) == 1)
    }

    @Test(arguments: [ServingState.Phase.starting, .serving, .draining])
    func aliveWhateverHappens(phase: ServingState.Phase) async throws {
        #expect(try await get("/livez", [Self.down], phase).status == 200)
    }

    @Test func readyWhenEveryPoolHasAnEndpoint() async throws {
        #expect(try await get("/readyz", [Self.down, .unknown]).status == 200)
    }

    @Test(arguments: [
        (ServingState.Phase.serving, "pool web has no endpoint that may be picked\n"),
        (.starting, "starting: the listeners do not accept yet\n"),
        (.draining, "draining: finishing what is in flight, then stopping\n"),
    ])
    func notReadyWithTheReason(phase: ServingState.Phase, reason: String) async throws {
        let answer = try await get("/readyz", [phase == .serving ? Self.down : .up], phase)
        #expect(answer.status == 503)
        #expect(answer.body == reason)
    }

    @Test func theRootListsWhatThereIs() async throws {
        let answer = try await get("/")
        for path in ["/metrics", "/livez", "/readyz"] { #expect(answer.body.contains(path)) }
    }

    @Test func nothingElseIsThere() async throws {
        #expect(try await get("/admin").status == 404)
    }

    @Test func anAddressInUseIsSaid() async throws {
        let taken = try await ScriptedOrigin(.silence)
        let snapshot = Snapshot.pool([])
        let server = AdminServer(
            address: taken.address, snapshot: snapshot,
            metrics: MetricsText(snapshot: snapshot, link: FakeDataPlane(snapshot)), serving: ServingState(),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: Logger(label: "test"),
            health: { HealthReport(endpoints: []) })
        await #expect(throws: AdminServerError.bind(taken.address, errno: EADDRINUSE)) { try await server.run() }
    }
}
