import ApusHTTP
import ApusTestKit
import Testing

/// A kept connection that turns out dead is replaced without the client noticing, where repeating is safe.
@Suite struct StaleConnections {
    /// An origin whose connections serve one request and then, on the second, end without an answer.
    private static func fickle(_ ending: Connection.Ending, saying part: String = "") throws -> Origin {
        try Origin { connection in
            guard try connection.readRequest() != nil else { return }
            try connection.send(ok)
            guard try connection.readRequestHead() != nil else { return }
            if !part.isEmpty { try connection.send(part) }
            ending == .closed ? connection.close() : connection.reset()
        }
    }

    @Test(arguments: ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"], [Connection.Ending.closed, .reset])
    func aSafeRequestIsRepeatedUnnoticed(method: String, ending: Connection.Ending) throws {
        let origin = try Self.fickle(ending)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<5 {
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse().isGood)
            // On the connection just used, which now dies. RFC 9110 section 9.2.2: these methods may be repeated.
            try client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readResponse(to: "HEAD").status == 200)
            if method != "HEAD" { #expect(try client.read(2) == bytes("ok")) }
        }
        #expect(origin.failures.isEmpty)
    }

    @Test(arguments: ["POST", "PATCH", "PURGE"], [Connection.Ending.closed, .reset])
    func anUnsafeRequestIsNotRepeated(method: String, ending: Connection.Ending) throws {
        let origin = try Self.fickle(ending)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        #expect(try client.get().isGood)
        try client.send("\(method) /once HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab")
        expectMade(try client.readResponse(), [.upstreamClosed, .upstreamReset])
        #expect(origin.record.heads.filter { $0.target == "/once" }.count == 1)
    }

    /// Once a byte of the response is there, the request has been acted upon.
    @Test(arguments: ["H", "HTTP/1.1 200 OK\r\nContent-Len"])
    func aRequestThatWasBegunToBeAnsweredIsNotRepeated(part: String) throws {
        let origin = try Self.fickle(.closed, saying: part)
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        #expect(try client.get().isGood)
        expectMade(try client.get("/once"), [.upstreamClosed, .upstreamReset, .badResponse])
        #expect(origin.record.heads.filter { $0.target == "/once" }.count == 1)
    }

    @Test(arguments: [true, false])
    func aConnectionThatEndsWhileIdleIsNotUsed(byReset: Bool) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<5 {
            #expect(try client.get().isGood)
            if byReset { origin.breakConnections() } else { origin.closeConnections() }
            try origin.wait(for: "the connection's end") { $0.ended == $0.connections }
        }
        #expect(try client.get().isGood)
        #expect(origin.connections == 6)
    }

    /// Repeating has an end: an origin that never answers twice on one connection, nor once on a new one.
    @Test func repeatingIsBounded() throws {
        let served = Monitor(0)
        let origin = try Origin { connection in
            let number = served.with { (count: inout Int) -> Int in
                count += 1
                return count
            }
            guard number == 1, try connection.readRequest() != nil else { return connection.close() }
            try connection.send(ok)
            _ = try connection.readRequest()
            connection.close()
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        #expect(try client.get().isGood)
        let response = try client.get()
        expectMade(response, [.upstreamClosed, .upstreamReset])
        #expect(origin.connections <= 4)
    }

    /// Many kept connections die at once, as when an origin restarts.
    @Test func aRestartedOriginIsNotNoticed() throws {
        let gate = Gate()
        let origin = try Origin(answering: { request in
            if request.target == "/wait" { try gate.pass() }
            return ok
        })
        let proxy = try Proxy(origin)
        let clients = try (0..<10).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "ten requests at once") { $0.requests.count == 10 }
        gate.open()
        for client in clients { #expect(try client.readResponse().isGood) }
        origin.kill()
        try origin.reopen()
        for client in clients { #expect(try client.get().isGood) }
    }
}
