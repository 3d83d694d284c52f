import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// Connections to origins are kept and used again, within their limits.
@Suite struct ConnectionReuse {
    @Test func oneConnectionServesManyRequests() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<10 { #expect(try client.get().isGood) }
        for _ in 0..<10 { #expect(try proxy.get().isGood) }
        #expect(origin.connections == 1 && origin.requests.count == 20)
        try proxy.eventually("the counters") {
            proxy.count(.connectionsOpened) == 1 && proxy.count(.connectionsReused) == 19
        }
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ])
    func anyCompleteExchangeLeavesTheConnectionUsable(request: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        for _ in 0..<3 { #expect(try proxy.exchange(request).isGood) }
        #expect(origin.connections == 1)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ])
    func anOriginThatWillCloseIsNotAskedAgain(answer: String) throws {
        let origin = try Origin(answer: answer)
        let proxy = try Proxy(origin)
        for _ in 0..<3 { #expect(try proxy.get().isGood) }
        #expect(origin.connections == 3)
        try origin.wait(for: "the connections to end") { $0.ended == 3 }
    }

    @Test func anHTTP10OriginMayKeepItsConnection() throws {
        let origin = try Origin(answer: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        let proxy = try Proxy(origin)
        for _ in 0..<3 { #expect(try proxy.get().isGood) }
        #expect((1...3).contains(origin.connections))
    }

    @Test func anIdleConnectionIsClosedInTime() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.connections.idleTimeout = .milliseconds(100) }
        #expect(try proxy.get().isGood)
        try origin.wait(for: "the idle connection to end") { $0.ended == 1 }
        #expect(try proxy.get().isGood)
        #expect(origin.connections == 2)
    }

    @Test func noMoreIdleConnectionsAreKeptThanAllowed() throws {
        let gate = Gate()
        let origin = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let proxy = try Proxy(origin) { $0.connections.maxIdle = 2 }
        let clients = try (0..<5).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "five requests at once") { $0.requests.count == 5 }
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        try origin.wait(for: "three connections to end") { $0.ended == 3 }
        for client in clients { #expect(try client.get().isGood) }
        #expect(origin.connections == 5)
    }

    @Test func noMoreConnectionsAreOpenedThanAllowed() throws {
        let gate = Gate()
        let origin = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let proxy = try Proxy(origin) { $0.connections.max = 2 }
        let clients = try (0..<2).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "two requests at once") { $0.requests.count == 2 }
        let third = try proxy.connect()
        expectMade(try third.get(), [.poolSaturated])
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        #expect(try third.get().isGood)
        #expect(origin.connections == 2)
    }

    @Test func aSaturatedEndpointIsPassedOver() throws {
        let gate = Gate()
        let busy = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let free = try Origin()
        let proxy = try Proxy(busy, free) { $0.connections.max = 1 }
        let clients = try (0..<2).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try busy.wait(for: "a request") { $0.requests.count == 1 }
        try proxy.eventually("the other request to end") { proxy.count(.exchangesEnded, endpoint: 1) == 1 }
        for _ in 0..<6 { #expect(try proxy.get().isGood) }
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        #expect(busy.connections == 1 && busy.requests.count <= 2)
    }
}
