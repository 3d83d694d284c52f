import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Glibc
import Testing

/// Reload: what did not change goes on as if nothing had happened, what is gone finishes what it has, what is new is there.
@Suite(.serialized, .onOwnThreads) struct Reloads {
    /// The total of a route's requests, and of an endpoint's connections, by the layout that is in force.
    private func requests(_ proxy: Proxy, route: Int = 0) -> UInt64 {
        let snapshot = proxy.dataPlane.snapshot
        let layout = snapshot.counterLayout
        let row = layout.row(route: route)
        let columns = layout.endpoints(row: row).map(Int?.init) + [nil]
        return columns.reduce(0) { sum, endpoint in
            (0..<CounterLayout.statusClasses).reduce(sum) {
                $0 + proxy.dataPlane.total(layout.requests(row: row, endpoint: endpoint, statusClass: $1))
            }
        }
    }

    private func opened(_ proxy: Proxy, endpoint: Int = 0) -> UInt64 {
        proxy.dataPlane.total(proxy.dataPlane.snapshot.counterLayout.endpoint(endpoint, .connectionsOpened))
    }

    @Test func whatDidNotChangeKeepsItsConnectionsAndCounters() async throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 { #expect(try client.get().isGood) }
        for round in 0..<5 {
            try await proxy.reload { $0.timeouts.body = .seconds(40 + round) }
            #expect(try client.get().isGood)
        }
        #expect(origin.connections == 1)
        #expect(opened(proxy) == 1)
        try proxy.eventually("all requests to be counted") { requests(proxy) == 8 }
    }

    /// An address that lies within another: a listener may move from one to the other, and both may be there.
    @Test func aListenerMovesToAllAddressesAndBack() async throws {
        let proxy = try Proxy(try Origin())
        let one = proxy.address
        let all = SocketAddress(ip: .anyIPv4, port: one.port)
        for bind in [all, one, all] {
            try await proxy.reload { $0.listeners[0].listener.bind = bind }
            #expect(try Connection(to: one).get().isGood)
        }
        try await proxy.reload { draft in
            var other = draft.listeners[0]
            other.listener.name = "other"
            other.listener.bind = one
            draft.listeners.append(other)
        }
        #expect(try Connection(to: one).get().isGood)
    }

    /// Requests in flight count against their route's limit whatever reloads come, and no longer than they last.
    @Test(arguments: [1, 3]) func aRoutesRequestsInFlightSurviveReloads(workers: Int) async throws {
        let gate = Gate()
        let origin = try Origin(answering: { request in
            if request.target == "/special/slow" { try gate.pass(by: .after(.seconds(60))) }
            return ok
        })
        let proxy = try RouteRules.proxy(
            [origin], configure: { $0.workers = workers }, special: { $0.limits.requests = 3 })
        let slow = try (0..<3).map { _ in try proxy.connect() }
        for client in slow { try client.send("GET /special/slow HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "three requests") { $0.requests.count == 3 }
        for round in 0..<4 {
            try await proxy.reload { draft in
                // The route changes its place, and its pool its rules.
                let name = "new\(round)"
                draft.listeners[0].routes.insert(
                    Route(name: name, path: .prefix(Array("/\(name)".utf8)), pool: 0), at: 0)
                draft.pools[0].pool.retries.attempts = 2 + round
            }
            let client = try proxy.connect()
            for _ in 0..<3 { expectMade(try client.get("/special"), [.routeSaturated]) }
            #expect(try client.get("/").isGood)
        }
        // A limit that is raised counts them; one that is lowered below them waits for them.
        try await proxy.reload { draft in
            for index in draft.listeners[0].routes.indices where draft.listeners[0].routes[index].name == "special" {
                draft.listeners[0].routes[index].limits.requests = 4
            }
        }
        let fourth = try proxy.connect()
        try fourth.send("GET /special/slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the fourth request") { record in
            record.requests.count { $0.target == "/special/slow" } == 4
        }
        expectMade(try proxy.get("/special"), [.routeSaturated])
        gate.open()
        for client in slow + [fourth] { #expect(try client.readResponse().isGood) }
        // As many as before find room again at once, and not one more.
        let again = Gate()
        let second = try Origin(answering: { _ in
            try again.pass(by: .after(.seconds(60)))
            return ok
        })
        defer { again.open() }
        try await proxy.reload { $0.pools[0] = .init("pool0", [second.address]) }
        let held = try (0..<4).map { _ in try proxy.connect() }
        for client in held { try client.send("GET /special HTTP/1.1\r\nHost: a\r\n\r\n") }
        try second.wait(for: "four requests") { $0.requests.count == 4 }
        expectMade(try proxy.get("/special"), [.routeSaturated])
        again.open()
        for client in held { #expect(try client.readResponse().isGood) }
    }

    /// Who is trusted is asked again of connections that are there: a proxy may keep its own for days.
    @Test func whoIsTrustedChangesForConnectionsThatAreThere() async throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        let proxies = [Network(address: .loopback(1), prefixLength: 128)]
        for (round, trusted) in [[], proxies, []].enumerated() {
            try await proxy.reload { $0.trustedProxies = trusted }
            try client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n")
            #expect(try client.readResponse().isGood)
            let told = try #require(origin.requests.last).fields["X-Forwarded-For"]
            #expect(told == (round == 1 ? "192.0.2.1, 127.0.0.1" : "127.0.0.1"))
        }
    }

    @Test func newEndpointsGetRequestsAndRemovedOnesNoMore() async throws {
        let origins = try ["a", "b", "c"].map { name in
            try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(name)")
        }
        let proxy = try Proxy(pools: [[origins[0], origins[1]]])
        func answers(_ count: Int) throws -> Set<String> {
            Set(try (0..<count).map { _ in try proxy.get().text })
        }
        #expect(try answers(6) == ["a", "b"])
        try await proxy.reload { $0.pools[0] = .init("pool0", [origins[2].address, origins[1].address]) }
        #expect(try answers(6) == ["b", "c"])
        try origins[0].wait(for: "its idle connections to end") { $0.ended == $0.connections }
        try await proxy.reload { $0.pools[0] = .init("pool0", origins.map(\.address)) }
        #expect(try answers(9) == ["a", "b", "c"])
    }

    @Test(arguments: [true, false]) func aResponseUnderWaySurvivesTheEndOfItsEndpoint(andItsPool: Bool) async throws {
        let gate = Gate()
        let slow = try Origin { connection in
            while try connection.readRequest() != nil {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
                try gate.pass()
                try connection.send("world")
            }
        }
        let other = try Origin()
        let proxy = try Proxy(slow)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try slow.wait(for: "the request") { $0.requests.count == 1 }
        // Its pool is removed, or only its endpoint; and a few more come and go before it has finished.
        for round in 0..<4 {
            try await proxy.reload { draft in
                draft.pools[0] = .init(andItsPool ? "new\(round % 2)" : "pool0", [other.address])
            }
            #expect(try proxy.get().isGood)
        }
        gate.open()
        #expect(try client.readResponse().text == "helloworld")
        #expect(try client.get().text == "ok")
        try slow.wait(for: "its connection to end") { $0.ended == 1 }
        // Nobody uses it now: the next reload forgets it.
        try await proxy.reload { _ in }
        try await proxy.reload { _ in }
        #expect(proxy.dataPlane.snapshot.pools.count == 1)
        #expect(proxy.dataPlane.snapshot.endpoints.count == 1)
        #expect(proxy.dataPlane.snapshot.routes.count == 1)
    }

    @Test func aRequestInItsQueueFindsTheNewEndpoint() async throws {
        let gate = Gate()
        let busy = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let free = try Origin()
        let proxy = try Proxy(pools: [[busy]]) {
            $0.pool = { pool, _ in pool.requests = RequestLimits(perEndpoint: 1, queue: QueueRules()) }
        }
        let clients = try (0..<3).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try proxy.eventually("two to wait") {
            proxy.dataPlane.total(proxy.dataPlane.snapshot.counterLayout.pool(0, .queued)) == 2
        }
        try await proxy.reload { draft in
            draft.pools[0].endpoints.append(Endpoint(name: "free", address: free.address, pool: 0))
        }
        try free.wait(for: "the requests that waited") { $0.requests.count == 2 }
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
    }

    /// What may be waited for is what the pool says now.
    @Test func aShorterQueueTimeHoldsForWhoWaits() async throws {
        let gate = Gate()
        let busy = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let proxy = try Proxy(pools: [[busy]]) {
            $0.pool = { pool, _ in
                pool.requests = RequestLimits(perEndpoint: 1, queue: QueueRules(timeout: .seconds(60)))
            }
        }
        let clients = try (0..<2).map { _ in try proxy.connect() }
        try clients[0].send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try busy.wait(for: "the first") { $0.requests.count == 1 }
        try clients[1].send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try proxy.eventually("the second to wait") {
            proxy.dataPlane.total(proxy.dataPlane.snapshot.counterLayout.pool(0, .queued)) == 1
        }
        try await proxy.reload { $0.pools[0].pool.requests.queue?.timeout = .milliseconds(50) }
        expectMade(try clients[1].readResponse(), [.queueTimeout])
        gate.open()
        #expect(try clients[0].readResponse().isGood)
    }

    /// Requests of a route that is gone are still requests of this process.
    @Test func requestsAreCountedWhenTheirRouteIsGone() async throws {
        let proxy = try Proxy(try Origin())
        for _ in 0..<3 { #expect(try proxy.connect().get().isGood) }
        try proxy.eventually("all to be counted") { requests(proxy) == 3 }
        func departed() -> UInt64 {
            let layout = proxy.dataPlane.snapshot.counterLayout
            return (0..<CounterLayout.statusClasses).reduce(0) {
                $0 + proxy.dataPlane.total(layout.departedRequests(statusClass: $1))
            }
        }
        #expect(departed() == 0)
        try await proxy.reload { $0.listeners[0].routes[0].name = "another" }
        // What is retired goes with the reload after, when nobody has it.
        try await proxy.reload { _ in }
        #expect(requests(proxy) == 0 && departed() == 3)
        try await proxy.reload { _ in }
        #expect(departed() == 3)
    }

    @Test func listenersComeAndGo() async throws {
        let gate = Gate()
        let origin = try Origin(answering: { request in
            if request.target == "/slow" { try gate.pass() }
            return ok
        })
        let proxy = try Proxy(origin)
        let first = proxy.address
        let idle = try proxy.connect()
        #expect(try idle.get().isGood)
        let busy = try proxy.connect()
        try busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the slow request") { $0.requests.count == 2 }
        try await proxy.reload { draft in
            var listener = draft.listeners[0].listener
            listener.name = "second"
            draft.listeners = [.init(listener, draft.listeners[0].routes)]
        }
        let second = try #require(proxy.dataPlane.addresses.first)
        #expect(second != first)
        #expect(try Connection(to: second).get().isGood)
        #expect(try idle.readEnding() == .closed)
        #expect((try? Connection(to: first)) == nil)
        gate.open()
        let last = try busy.readResponse()
        #expect(last.isGood && last.announcesClose)
        #expect(try busy.readEnding() == .closed)
    }

    /// Its clients finish, but not for ever.
    @Test func aRemovedListenersClientsAreCutInTheEnd() async throws {
        let proxy = try Proxy(try Origin.silent()) { $0.timeouts.drain = .milliseconds(300) }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try proxy.eventually("the request to be sent") { opened(proxy) == 1 }
        try await proxy.reload { draft in draft.listeners[0].listener.name = "second" }
        // Its response has not begun, so that it can be told.
        expectMade(try client.readResponse(), [.drainDeadline])
        _ = try client.readEnding()
        try await proxy.reload { _ in }
        #expect(proxy.dataPlane.snapshot.listeners.count == 1)
    }

    @Test func anAddressThatIsTakenChangesNothing() async throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        #expect(try client.get().isGood)
        let before = proxy.dataPlane.snapshot
        await #expect(throws: DataPlaneError.self) {
            try await proxy.reload { draft in
                draft.listeners.append(
                    .init(Listener(name: "taken", bind: origin.address, routes: 0..<0), draft.listeners[0].routes))
            }
        }
        #expect(proxy.dataPlane.snapshot === before)
        #expect(try client.get().isGood)
        #expect(origin.connections == 1)
    }

    /// The new process's data plane, as it were: it has the sockets before the old one lets go of them.
    @Test func socketsAreHandedOver() throws {
        let origin = try Origin()
        let old = try Proxy(pools: [[origin]]) { $0.workers = 2 }
        let load = Load(on: old.address, connections: 6, expecting: "ok")
        try load.waitForMore(200)
        let sockets = try #require(try old.dataPlane.copyListeningSockets())
        #expect(sockets.count == 2)
        var snapshot = old.dataPlane.snapshot
        snapshot = Snapshot(
            workers: 1, listeners: [Listener(name: "a", bind: old.address, routes: 0..<1)], routes: snapshot.routes,
            pools: snapshot.pools, endpoints: snapshot.endpoints)
        let new = try DataPlane(snapshot, inheriting: sockets)
        defer {
            new.stop()
            new.waitUntilEnded()
        }
        try new.start()
        old.dataPlane.drain(handingOver: true)
        old.dataPlane.waitUntilEnded()
        try load.waitForMore(500)
        for _ in 0..<50 { #expect(try old.get().isGood) }
        let result = try load.stop()
        #expect(result.isFlawless, "\(result)")
    }

    /// Endpoints and pools come and go under load, at two workers: not a request fails, and every one is counted.
    @Test(.tags(.load)) func nothingFailsWhileEndpointsComeAndGo() async throws {
        let origins = try (0..<6).map { _ in try FailuresUnderLoad.origin() }
        let proxy = try Proxy(pools: [Array(origins[0..<3])]) { $0.workers = 2 }
        let load = Load(on: proxy.address, connections: 8, expecting: "ok")
        var random = SystemRandomNumberGenerator()
        for round in 0..<100 {
            try load.waitForMore(20)
            let chosen = origins.shuffled(using: &random).prefix(Int.random(in: 1...6, using: &random))
            try await proxy.reload { draft in
                draft.pools[0] = .init(round % 10 == 9 ? "other" : "pool0", chosen.map(\.address))
                draft.pools[0].pool.balance = Balance.allCases[round % Balance.allCases.count]
            }
        }
        try load.waitForMore(200)
        let result = try load.stop()
        #expect(result.isFlawless, "\(result)")
        try await proxy.reload { _ in }
        try await proxy.reload { _ in }
        #expect(proxy.dataPlane.snapshot.pools.count == 1)
        #expect(proxy.dataPlane.snapshot.endpoints.allSatisfy { !$0.isRetired })
    }
}
