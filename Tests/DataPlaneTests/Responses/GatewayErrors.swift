import ApusHTTP
import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// 502, 503 and 504 mean what they say: a bad answer or no connection, nobody to ask, no answer in time.
@Suite struct GatewayErrors {
    static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    static let post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab"

    @Test(arguments: [get, post])
    func withEveryEndpointDownTheAnswerIsAnImmediate503(request: String) throws {
        // Were they asked, nothing would come back for three seconds.
        let proxy = try Proxy(try BlackHole(), try BlackHole())
        proxy.dataPlane.setEndpoint(0, available: false)
        proxy.dataPlane.setEndpoint(1, available: false)
        let client = try proxy.connect()
        for _ in 0..<3 {
            let start = ContinuousClock.now
            try client.send(request)
            let response = try client.readResponse()
            expectMade(response, [.noHealthyEndpoint])
            #expect(!response.announcesClose)
            #expect(ContinuousClock.now - start < .seconds(1))
        }
        #expect(proxy.count(.connectionsOpened) == 0 && proxy.count(.connectFailures) == 0)
    }

    @Test func anEndpointThatComesBackIsAsked() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        for _ in 0..<3 {
            proxy.dataPlane.setEndpoint(0, available: false)
            try proxy.eventually("the endpoint to leave") { try client.get().status == 503 }
            proxy.dataPlane.setEndpoint(0, available: true)
            try proxy.eventually("the endpoint to return") { try client.get().status == 200 }
        }
    }

    /// Leaving takes no effect on what is under way.
    @Test func anExchangeOutlivesItsEndpointsHealth() throws {
        let gate = Gate()
        let origin = try Origin(answering: { _ in
            try gate.pass()
            return ok
        })
        let proxy = try Proxy(origin)
        let client = try proxy.connect()
        try client.send(Self.get)
        try origin.wait(for: "the request") { $0.requests.count == 1 }
        proxy.dataPlane.setEndpoint(0, available: false)
        try proxy.eventually("the endpoint to leave") { try proxy.get().status == 503 }
        gate.open()
        #expect(try client.readResponse().isGood)
    }

    @Test(arguments: [get, post])
    func noAnswerInTimeIsA504(request: String) throws {
        let origin = try Origin.silent()
        let proxy = try Proxy(origin) { $0.timeouts.responseHead = .milliseconds(150) }
        let client = try proxy.connect()
        for round in 1...2 {
            try client.send(request)
            let response = try client.readResponse()
            expectMade(response, [.responseHeadTimeout])
            #expect(!response.announcesClose)
            // The answer may still come; on this connection it would meet the wrong request.
            try origin.wait(for: "the connection to end") { $0.ended == round }
        }
        #expect(origin.connections == 2, "a request that may have been acted upon is not repeated")
    }

    @Test func aPoolWithoutWeightIsA503() throws {
        let proxy = try Proxy(try Origin()) { $0.weights = [0] }
        expectMade(try proxy.get(), [.noHealthyEndpoint])
    }

    /// With a body still on its way the connection cannot go on.
    @Test func anErrorBeforeTheBodyIsReadEndsTheConnection() throws {
        let proxy = try Proxy(try RefusingPort())
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
        let response = try client.readResponse()
        expectMade(response, [.connectFailed])
        #expect(response.announcesClose)
        #expect(try client.readEnding() == .closed)
    }
}
