import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// The orderly end: nothing new, everything begun is finished, and then the workers are gone.
@Suite struct Draining {
    @Test func whatIsInFlightIsFinished() throws {
        let gate = Gate()
        let origin = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let proxy = try Proxy(origin)
        let clients = try (0..<5).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "the requests") { $0.requests.count == 5 }
        proxy.dataPlane.drain()
        try proxy.eventually("new connections to be refused") { (try? proxy.connect()) == nil }
        gate.open()
        for client in clients {
            let response = try client.readResponse()
            #expect(response.isGood && response.announcesClose)
            #expect(try client.readEnding() == .closed)
        }
        proxy.dataPlane.waitUntilEnded()
    }

    @Test func idleConnectionsAreClosedAtOnce() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let clients = try (0..<5).map { _ in try proxy.connect() }
        for client in clients { #expect(try client.get().isGood) }
        let start = ContinuousClock.now
        proxy.dataPlane.drain()
        for client in clients { #expect(try client.readEnding() == .closed) }
        proxy.dataPlane.waitUntilEnded()
        #expect(ContinuousClock.now - start < .seconds(2))
        try origin.wait(for: "the idle connections to origins to end") { $0.ended == $0.connections }
    }

    /// A connection on which nothing has come yet may be about to carry a request; it is not waited for long.
    @Test func aConnectionThatSaysNothingDoesNotHoldUpTheEnd() throws {
        let proxy = try Proxy(try Origin())
        let client = try proxy.connect()
        try proxy.eventually("the connection to be accepted") { proxy.count(.connectionsAccepted) == 1 }
        let start = ContinuousClock.now
        proxy.dataPlane.drain()
        #expect(try client.readEnding() == .closed)
        proxy.dataPlane.waitUntilEnded()
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func aBodyInFlightIsFinished() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            let head = try #require(try connection.readRequestHead())
            let request = try connection.readBody(of: head)
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n\(request.text)")
            try gate.pass()
            try connection.send("other")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfi")
        try origin.wait(for: "the head") { $0.heads.count == 1 }
        proxy.dataPlane.drain()
        try proxy.eventually("new connections to be refused") { (try? proxy.connect()) == nil }
        try client.send("rst")
        let head = try client.readResponseHead()
        #expect(head.announcesClose)
        gate.open()
        #expect(try client.readBody(of: head).text.hasSuffix("other"))
        #expect(try client.readEnding() == .closed)
        proxy.dataPlane.waitUntilEnded()
    }

    /// A response had begun, and its client has sent its next request already: closing with that unread would reset the
    /// connection, and the client might lose what it was sent.
    @Test func aDrainResetsNobodyWhoHasSentEarly() throws {
        let gate = Gate()
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
            try gate.pass()
            try connection.send("cd")
        }
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        let head = try client.readResponseHead()
        #expect(!head.announcesClose)
        try client.send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n")
        proxy.dataPlane.drain()
        try proxy.eventually("new connections to be refused") { (try? proxy.connect()) == nil }
        gate.open()
        #expect(try client.readBody(of: head).text == "abcd")
        #expect(try client.readEnding() == .closed)
    }

    /// What is not done by the deadline is cut.
    @Test func theDeadlineEndsWhatIsLeft() throws {
        let origin = try Origin.silent()
        let proxy = try Proxy(origin) { $0.timeouts.drain = .milliseconds(200) }
        let client = try proxy.connect()
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        try origin.wait(for: "the request") { !$0.received.joined().isEmpty }
        let start = ContinuousClock.now
        proxy.dataPlane.drain()
        proxy.dataPlane.waitUntilEnded()
        let took = ContinuousClock.now - start
        #expect(took > .milliseconds(150) && took < .seconds(3))
        // Its response had not begun, so that it can be told.
        let refusal = try client.readResponse()
        expectMade(refusal, [.drainDeadline])
        #expect(refusal.announcesClose)
        try origin.wait(for: "the end of the connection") { $0.ended == 1 }
        #expect(proxy.count(.drainDeadline) == 1)
    }

    @Test func stoppingCutsEverything() throws {
        let origin = try Origin.silent()
        let proxy = try Proxy(origin) { $0.workers = 2 }
        let clients = try (0..<10).map { _ in try proxy.connect() }
        for client in clients { try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n") }
        try origin.wait(for: "the requests") { $0.received.filter { !$0.isEmpty }.count == 10 }
        proxy.dataPlane.drain()
        let start = ContinuousClock.now
        proxy.dataPlane.stop()
        proxy.dataPlane.waitUntilEnded()
        #expect(ContinuousClock.now - start < .seconds(2))
        for client in clients { #expect(!text(try client.readToEnd().bytes).contains(" 200 ")) }
    }

    /// A drain under load loses no request: each is answered, or its connection ended before it was sent.
    @Test func aDrainUnderLoadLosesNothing() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let done = Monitor((ended: 0, failures: [String]()))
        for _ in 0..<4 {
            let address = proxy.address
            onThread {
                let failure = Self.askUntilClosed(address)
                done.with {
                    $0.ended += 1
                    if let failure { $0.failures.append(failure) }
                }
            }
        }
        try origin.wait(for: "some load") { $0.requests.count > 200 }
        proxy.dataPlane.drain()
        proxy.dataPlane.waitUntilEnded()
        let result = try done.wait(for: "the clients to end") { $0.ended == 4 }
        #expect(result.failures.isEmpty, "\(result.failures)")
    }

    /// Asks until the connection is announced closed or found closed between two requests; what else happens is
    /// returned as the failure.
    private static func askUntilClosed(_ address: SocketAddress) -> String? {
        do {
            let client = try Connection(to: address)
            while true {
                let response = try client.get()
                guard response.isGood else { return "\(response)" }
                if response.announcesClose { return nil }
                client.forget()
            }
        } catch KitError.peerGone {
            return nil
        } catch KitError.ended(_, _, let received) where received.isEmpty {
            // An idle connection may be closed just as a request is sent on it (RFC 9112 section 9.5).
            return nil
        } catch {
            return "\(error)"
        }
    }
}
