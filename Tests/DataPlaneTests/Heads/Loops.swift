import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// Requests that come back to the process that has forwarded them.
@Suite struct Loops {
    /// An address at which a proxy will listen: as its own endpoint.
    private struct Place: Addressed {
        let address: SocketAddress
    }

    @Test func aRequestThatComesBackIsRefusedAtOnce() throws {
        // A port that was free a moment ago.
        let place = Place(address: try Proxy(try Origin()).address)
        let proxy = try Proxy(place) { $0.bind = place.address }
        for _ in 0..<3 {
            let response = try proxy.get()
            #expect(response.status == 508 && response.text.contains("loop_detected"))
        }
        // Each was forwarded once.
        try proxy.eventually("the counts") { proxy.count(.loopDetected) == 3 }
        #expect(proxy.count(.exchangesStarted, endpoint: 0) == 3)
    }

    /// Once a second at most, with the route and who brought it, and how many there were: a worker that has nothing more to do
    /// tells what it keeps, and so does one that ends.
    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func aRequestThatComesBackIsToldOf(isStopped: Bool) async throws {
        let place = Place(address: try Proxy(try Origin()).address)
        let proxy = try Proxy(place) {
            $0.bind = place.address
            $0.routes = [Route(name: "round", pool: 0)]
        }
        for _ in 0..<3 { #expect(try proxy.get().status == 508) }
        if isStopped { proxy.dataPlane.stop() }
        // It is its own origin as well, which says so.
        let refusals = await refusals(of: proxy, until: isStopped ? nil : 6).filter {
            if case .cameBack = $0.event { true } else { false }
        }
        let first = try #require(refusals.first)
        let event = RefusalNews.Event.cameBack(route: "round", from: "127.0.0.1", count: 1)
        #expect(first == RefusalNews(listener: "\(place.address)", event))
        #expect(refusals.count < 3 && refusals.reduce(0) { $0 + $1.event.count } == 3)
    }

    /// A loop through another instance: it ends at the first, and the other knows why it gets that answer. Others' words for why
    /// they answer are removed.
    @Test(.timeLimit(.minutes(1)), arguments: ["loop_detected", "no_route"])
    func anOriginThatSaysLoopIsToldOf(reason: String) async throws {
        let origin = try Origin(answering: { _ in
            "HTTP/1.1 508 Loop Detected\r\nContent-Length: 0\r\nApus-Reason: \(reason)\r\n\r\n"
        })
        let proxy = try Proxy(origin)
        let response = try proxy.get()
        let saysLoop = reason == "loop_detected"
        #expect(response.status == 508 && response.reason == (saysLoop ? reason : nil))
        proxy.dataPlane.stop()
        let told = await refusals(of: proxy)
        let pool = proxy.dataPlane.snapshot.pools[0].name
        let event = RefusalNews.Event.ledBack(endpoint: "\(pool)/\(origin.address)", count: 1)
        #expect(told.map(\.event) == (saysLoop ? [event] : []))
    }

    @Test func aChainOfTwoIsNoLoop() throws {
        let origin = try Origin()
        let second = try Proxy(origin)
        let first = try Proxy(Place(address: second.address))
        #expect(try first.get().isGood)
        let marks = try #require(origin.requests.first).fields.all("Apus-Loop")
        #expect(marks.count == 2 && Set(marks).count == 2)
    }

    /// What anybody may send means nothing by chance.
    @Test(arguments: ["0", "", "x", "1, 2, 3", "99999999999999999999", ","])
    func marksOfOthersMeanNothing(value: String) throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\nApus-Loop: \(value)\r\n\r\n").isGood)
        #expect(try #require(origin.requests.first).fields.all("Apus-Loop").count == 2)
    }

    /// Nor can the mark be named away.
    @Test func theMarkIsKept() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.get().isGood)
        let request = try #require(origin.requests.first)
        let mark = try #require(request.fields["Apus-Loop"])
        for line in ["Apus-Loop: \(mark)", "Connection: apus-loop\r\nAPUS-LOOP: 7 ,\t\(mark)"] {
            let response = try proxy.exchange("GET / HTTP/1.1\r\nHost: a\r\n\(line)\r\n\r\n")
            #expect(response.status == 508)
        }
    }

    /// An application behind Apus that passes on all fields of its request when it asks another service through Apus: that is
    /// another route, and no loop.
    @Test func anotherRouteIsAnotherWay() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) {
            $0.routes.insert(Route(name: "inner", path: .prefix(Array("/inner".utf8)), pool: 0), at: 0)
        }
        #expect(try proxy.get("/outer").isGood)
        let mark = try #require(origin.requests.first?.fields["Apus-Loop"])
        #expect(try proxy.exchange("GET /inner/x HTTP/1.1\r\nHost: a\r\nApus-Loop: \(mark)\r\n\r\n").isGood)
        #expect(try proxy.exchange("GET /again HTTP/1.1\r\nHost: a\r\nApus-Loop: \(mark)\r\n\r\n").status == 508)
        let marks = origin.requests.flatMap { $0.fields.all("Apus-Loop") }
        #expect(marks.count == 3 && Set(marks).count == 2)
    }
}
