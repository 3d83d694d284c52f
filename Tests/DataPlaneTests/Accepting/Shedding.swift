import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Glibc
import Testing

/// Descriptor exhaustion is met by shedding new connections, never by dying and never by spinning.
///
/// In a process of its own, because the limit on descriptors is the whole process's.
@Suite struct Shedding {
    @Test func withoutDescriptorsNewConnectionsAreShed() async {
        await #expect(processExitsWith: .success) {
            // One connection to the origin, which lives in this process too and may have no descriptor to accept another with.
            let proxy = try Proxy(try Origin()) { $0.pool = { pool, _ in pool.connections.max = 1 } }
            let first = try proxy.connect()
            #expect(try first.get().isGood)
            let others = try (0..<50).map { _ in try Connection.unconnected() }

            let limit = try DescriptorLimit(leaving: 6)
            for client in others {
                try client.connect(to: proxy.address)
                try? client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            // A client that was here before stays, and is served unless another has the connection to the origin just now.
            for _ in 0..<5 {
                let response = try first.get()
                #expect(response.isGood || response.reason == "pool_saturated")
                #expect(!response.announcesClose)
            }

            // Those who could not be accepted are answered, turned away or left in the queue; the worker does not turn
            // round and round over them.
            let turns = proxy.count(.loopTurns)
            #expect(try first.isSilent(for: .milliseconds(300)))
            #expect(proxy.count(.loopTurns) - turns < 1000)

            limit.lift()
            var outcomes: [String: Int] = [:]
            for client in others {
                guard (try? client.receiveMore(by: .after(.seconds(5)))) != nil else {
                    outcomes["left without an answer", default: 0] += 1
                    continue
                }
                if client.unread.isEmpty {
                    outcomes["turned away", default: 0] += 1
                } else {
                    let response = try client.readResponse()
                    outcomes[response.reason ?? response.text, default: 0] += 1
                }
            }
            let known: Set = ["ok", "descriptor_limit", "pool_saturated", "turned away"]
            #expect(known.isSuperset(of: outcomes.keys), "\(outcomes)")
            for client in others { client.close() }
            try proxy.eventually("service as before") { try proxy.get().isGood }
        }
    }

    /// Traffic leaves those descriptors alone that are kept for others: clients are told why, origins are not bothered, and the
    /// control plane hears of it.
    @Test func whatIsKeptForOthersIsLeft() async {
        await #expect(processExitsWith: .success) {
            let origin = try Origin()
            // Beyond what this process was born with.
            let free = dup(0)
            close(free)
            let bound = free + 150
            let proxy = try Proxy(origin, descriptorBound: bound)
            // All below are in use, whoever has them.
            var others: [Int32] = []
            while let last = others.last ?? Optional(0), last < bound - 1 { others.append(dup(0)) }
            let clients = try (0..<5).map { _ in try proxy.connect() }
            for client in clients {
                let response = try client.get()
                #expect(response.status == 503 && response.reason == "descriptor_limit" && response.announcesClose)
            }
            #expect(origin.requests.isEmpty)
            // A client that was let in, and no descriptor for an origin.
            let late = try Connection.unconnected()
            close(others.removeLast())
            try late.connect(to: proxy.address)
            let response = try late.get()
            #expect(response.reason == "descriptor_limit" && !response.announcesClose)
            for other in others { close(other) }
            #expect(try proxy.get().isGood)
            proxy.dataPlane.stop()
            let told = await refusals(of: proxy)
            #expect(told.first == RefusalNews(listener: "127.0.0.1:0", .turnedAway(.descriptorLimit, count: 1)))
            #expect(told.count < 5 && told.reduce(0) { $0 + $1.event.count } == 5)
        }
    }

    /// Connections to origins that are idle are closed for clients, one for each, while there are more of them than clients.
    @Test func idleConnectionsToOriginsGiveWayToClients() async {
        await #expect(processExitsWith: .success) {
            let gate = Gate()
            let origin = try Origin(answering: { _ in
                try gate.pass()
                return ok
            })
            let free = dup(0)
            close(free)
            let bound = free + 150
            let proxy = try Proxy(origin, descriptorBound: bound)
            let first = try (0..<8).map { _ in try proxy.connect() }
            for client in first { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
            try origin.wait(for: "the requests") { $0.requests.count == 8 }
            gate.open()
            for client in first { #expect(try client.readResponse().isGood) }
            for client in first.dropFirst(2) { client.close() }
            try proxy.eventually("them to have left") {
                proxy.count(CounterLayout.ListenerCounter.connectionsClosed) == 6
            }
            // This process has the other ends as well: those of the clients take no descriptor that becomes free.
            let clients = try (0..<3).map { _ in try Connection.unconnected() }
            var others: [Int32] = []
            while let last = others.last ?? Optional(0), last < bound - 1 { others.append(dup(0)) }
            for client in clients { try client.connect(to: proxy.address) }
            for (number, client) in (clients + first.prefix(2)).enumerated() {
                let response = try client.get()
                #expect(response.isGood, "\(number): \(response)")
            }
            #expect(proxy.count(.connectionsOpened) == 8, "the origin was asked over those that stayed")
            for other in others { close(other) }
        }
    }

    /// Of all workers, also of those that no client of which comes to: as many go as there are more of than clients.
    @Test func idleConnectionsOfAllWorkersAreGivenUp() throws {
        let gate = Gate()
        let origin = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let proxy = try Proxy(origin) { $0.workers = 2 }
        let clients = try (0..<8).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "the requests") { $0.requests.count == 8 }
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        proxy.dataPlane.giveUpIdleConnections()
        for client in clients { #expect(try client.get().isGood) }
        #expect(proxy.count(.connectionsOpened) == 8, "each client needs one")
        for client in clients { client.close() }
        try proxy.eventually("them to have left") {
            proxy.count(CounterLayout.ListenerCounter.connectionsClosed) == 8
        }
        proxy.dataPlane.giveUpIdleConnections()
        try proxy.eventually("idle ones to be closed") {
            proxy.count(CounterLayout.EndpointCounter.connectionsClosed) == 8
        }
    }

    /// The descriptor that is held back for shedding can be lost: whatever else runs in the process takes it in the moment
    /// in which it is given back. Connections then wait in the queue, and the worker waits too.
    @Test func withoutTheSpareDescriptorTheWorkerWaits() async {
        await #expect(processExitsWith: .success) {
            let proxy = try Proxy(try Origin())
            let first = try proxy.connect()
            #expect(try first.get().isGood)
            let others = try (0..<500).map { _ in try Connection.unconnected() }
            let limit = try DescriptorLimit(leaving: 0)
            // Takes the first descriptor that becomes free.
            let taken = Monitor<Int32?>(nil)
            let running = Gate()
            onThread {
                running.open()
                let deadline = Deadline.standard
                while !deadline.hasPassed {
                    for _ in 0..<100_000 {
                        let descriptor = dup(0)
                        if descriptor >= 0 { return taken.with { $0 = descriptor } }
                    }
                }
            }
            try running.pass()
            var connected = 0
            while connected < others.count, taken.current == nil {
                try others[connected].connect(to: proxy.address)
                connected += 1
            }
            // Those that wait in the queue while there is nothing left to turn them away with.
            for client in others[connected...].prefix(20) { try client.connect(to: proxy.address) }
            // The race for it may be lost; then there is nothing to see.
            guard let spare = try? taken.wait(for: "the spare", by: .after(.seconds(1)), until: { $0 != nil }) else {
                return
            }

            let turns = proxy.count(.loopTurns)
            #expect(try first.isSilent(for: .milliseconds(300)))
            #expect(proxy.count(.loopTurns) - turns < 1000)
            #expect(try first.get().isGood)

            limit.lift()
            close(spare)
            for client in others { client.close() }
            try proxy.eventually("service as before") { try proxy.get().isGood }
        }
    }

    /// No descriptor for the connection to the origin: the request is answered, the client stays.
    @Test func withoutADescriptorForTheOriginTheAnswerIs503() async {
        await #expect(processExitsWith: .success) {
            let origin = try Origin()
            let proxy = try Proxy(origin)
            let client = try proxy.connect()
            try proxy.eventually("the connection to be accepted") { proxy.count(.connectionsAccepted) == 1 }
            let limit = try DescriptorLimit(leaving: 0)
            expectMade(try client.get(), [.descriptorLimit])
            limit.lift()
            #expect(try client.get().isGood)
        }
    }

    /// A drain needs no descriptor: who waits to be accepted is turned away, what is in flight is finished, and the workers
    /// end in time.
    @Test func aDrainWithoutDescriptorsFinishesWhatIsInFlight() async {
        await #expect(processExitsWith: .success) {
            let gate = Gate()
            let origin = try Origin(answering: { _ in
                try gate.pass()
                return ok
            })
            let proxy = try Proxy(origin)
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try origin.wait(for: "the request") { $0.requests.count == 1 }
            let others = try (0..<20).map { _ in try Connection.unconnected() }
            let limit = try DescriptorLimit(leaving: 0)
            for other in others { try other.connect(to: proxy.address) }
            proxy.dataPlane.drain()
            // None is left to wait: it was told why, or its connection has ended.
            for other in others {
                other.patience = .seconds(10)
                let response = try? other.readResponse()
                #expect(response == nil || response?.reason == "descriptor_limit")
            }
            gate.open()
            let response = try client.readResponse()
            #expect(response.isGood && response.announcesClose)
            #expect(try client.readEnding() == .closed)
            proxy.dataPlane.waitUntilEnded()
            limit.lift()
        }
    }

    /// A queue of connections that arrive faster than they are accepted loses none.
    @Test func aBurstOfConnectionsIsServed() throws {
        let proxy = try Proxy(try Origin())
        let clients = try (0..<500).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        for client in clients { #expect(try client.readResponse().isGood) }
    }
}
