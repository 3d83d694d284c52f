import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Glibc
import Testing

/// Listening sockets that another process has: it keeps them, with whoever waits in their queues, when this one lets go.
@Suite struct Handovers {
    @Test func whoWaitsIsLeftToTheOther() throws {
        let gate = Gate()
        let origin = try Origin(answering: { request in
            if request.target == "/long" { try gate.pass() }
            return ok
        })
        let old = try Proxy(origin)
        let copies = try #require(try old.dataPlane.copyListeningSockets())
        // The old one has something left to do.
        let long = try old.connect()
        try long.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the long request") { $0.heads.count == 1 }
        old.dataPlane.drain(handingOver: true)
        let accepted = old.count(CounterLayout.ListenerCounter.connectionsAccepted)
        // Nobody accepts yet. The queue is not the old one's any more: it neither takes from it nor looks at it.
        let waiting = try (0..<20).map { _ in try Connection(to: old.address) }
        for client in waiting { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        let turns = old.count(CounterLayout.WorkerCounter.loopTurns)
        usleep(300_000)
        let turned = old.count(CounterLayout.WorkerCounter.loopTurns) - turns
        #expect(turned < 50)
        #expect(old.count(CounterLayout.ListenerCounter.connectionsAccepted) == accepted)

        let before = old.dataPlane.snapshot
        let snapshot = Snapshot(
            workers: 1, listeners: [Listener(name: "a", bind: old.address, routes: 0..<1)], routes: before.routes,
            pools: before.pools, endpoints: before.endpoints)
        let new = try DataPlane(snapshot, inheriting: copies)
        defer {
            new.stop()
            new.waitUntilEnded()
        }
        try new.start()
        for client in waiting { #expect(try client.readResponse().isGood) }
        gate.open()
        let response = try long.readResponse()
        #expect(response.isGood && response.announcesClose)
        old.dataPlane.waitUntilEnded()
    }

    @Test func whoEndsHasNothingToHandOver() throws {
        let proxy = try Proxy(try Origin())
        let copies = try #require(try proxy.dataPlane.copyListeningSockets())
        #expect(copies.map(\.address) == [proxy.address])
        for copy in copies { close(copy.descriptor) }
        proxy.dataPlane.drain()
        #expect(try proxy.dataPlane.copyListeningSockets() == nil)
    }
}
