import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Limits on client connections and on memory: what is too much is turned away, with a word, and what is there goes on.
@Suite struct ConnectionLimits {
    @Test func beyondTheLimitAConnectionIsAnswered503() throws {
        let proxy = try Proxy(try Origin()) { $0.limits.connectionsPerListener = 3 }
        let clients = try (0..<3).map { _ in try proxy.connect() }
        for client in clients { #expect(try client.get().isGood) }
        for _ in 0..<5 {
            let extra = try proxy.connect()
            // A client reads this whether or not it has sent its request yet.
            let response = try extra.readResponse()
            expectMade(response, [.connectionLimit])
            #expect(response.announcesClose)
            #expect(try extra.readEnding() == .closed)
        }
        for client in clients { #expect(try client.get().isGood) }
        clients[0].close()
        try proxy.eventually("room for another") { try proxy.exchangeOrNothing()?.isGood == true }
    }

    /// Requests have a bound of their own, which no client gets past; beyond it a connection goes on.
    @Test func beyondItsRequestsAWorkerAnswers503() throws {
        let proxy = try Proxy(try Origin()) { $0.limits.requestsPerWorker = 2 }
        // Two that are never whole.
        let slow = try (0..<2).map { _ in try proxy.connect() }
        for client in slow { try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na") }
        try proxy.eventually("both to be under way") { proxy.count(.exchanges) == 2 }
        let extra = try proxy.connect()
        for _ in 0..<3 {
            let refused = try extra.get()
            expectMade(refused, [.requestLimit])
            #expect(!refused.announcesClose && refused.fields["Retry-After"] == "1")
        }
        try proxy.eventually("the refusals to be counted") { proxy.count(.requestLimit) == 3 }
        for client in slow {
            try client.send("b")
            #expect(try client.readResponse().isGood)
        }
        #expect(try extra.get().isGood, "there is room again")
    }

    @Test func theLimitHoldsOverAllWorkers() throws {
        let proxy = try Proxy(try Origin()) {
            $0.limits.connectionsPerListener = 8
            $0.workers = 2
        }
        var open: [Connection] = []
        var refused = 0
        for _ in 0..<30 {
            let client = try proxy.connect()
            try? client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let response = try client.readResponse()
            if response.status == 200 {
                open.append(client)
            } else {
                expectMade(response, [.connectionLimit])
                refused += 1
            }
        }
        #expect(open.count <= 8 && open.count >= 4 && refused == 30 - open.count, "\(open.count)")
    }

    /// Idle connections own no buffers (the design's rule 2).
    @Test func idleConnectionsHoldNoBuffers() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let clients = try (0..<100).map { _ in try proxy.connect() }
        for client in clients { #expect(try client.get().isGood) }
        for client in clients { try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab") }
        for client in clients { #expect(try client.readResponse().isGood) }
        try proxy.eventually("the buffers to be free") { proxy.count(.bufferBytes) == 0 }
    }

    /// A slow client holds no thread: as many as there are, the others do not notice.
    @Test func slowClientsHoldNothingUp() throws {
        let proxy = try Proxy(try Origin())
        let slow = try (0..<200).map { _ in try proxy.connect() }
        for client in slow { try client.send("GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ") }
        for _ in 0..<50 { #expect(try proxy.get().isGood) }
        #expect(proxy.count(.bufferBytes) <= 200 * 8192)
        for client in slow { try client.send("ly\r\n\r\n") }
        for client in slow { #expect(try client.readResponse().isGood) }
        try proxy.eventually("the buffers to be free") { proxy.count(.bufferBytes) == 0 }
    }

    /// Clients that do not read fill what buffers there may be; new requests are then turned away, and the worker lives.
    @Test func beyondTheMemoryLimitARequestIsAnswered503() throws {
        let body = String(repeating: "x", count: 16 << 20)
        let origin = try Origin(answering: { request in
            request.target == "/" ? ok : "HTTP/1.1 200 OK\r\nContent-Length: \(16 << 20)\r\n\r\n\(body)"
        })
        let limit = 256 << 10
        let proxy = try Proxy(origin) { $0.limits.bufferBytesPerWorker = limit }
        let readers = try (0..<40).map { _ in try proxy.connect(buffers: .tiny) }
        for reader in readers { try reader.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n") }
        let probe = try proxy.connect()
        for _ in 0..<20 {
            let response = try probe.get()
            if !response.isGood { expectMade(response, [.memoryLimit]) }
            #expect(proxy.count(.bufferBytes) <= UInt64(limit + (128 << 10)))
            if response.announcesClose { break }
        }
        for reader in readers { reader.reset() }
        try proxy.eventually("the buffers to be free") { proxy.count(.bufferBytes) == 0 }
        #expect(try proxy.get().isGood)
    }
}

extension Proxy {
    /// A GET on a connection of its own, or nil when that connection ended first.
    func exchangeOrNothing() throws -> Response? {
        let client = try connect()
        try? client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        return try? client.readResponse()
    }
}
