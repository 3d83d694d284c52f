import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// A route's requests in flight: a place is given back once, however its request ended.
@Suite struct RouteLimits {
    /// Sends requests to a route that takes one at a time, each of which ends as `end` has it, and sees that there is a
    /// place behind each, and never two.
    static func placesAreGivenBack(
        _ proxy: Proxy, _ gate: Gate, _ origin: Origin, rounds: Int = 3, end: (Proxy) throws -> Void
    ) throws {
        for _ in 0..<rounds { try end(proxy) }
        // Neither lost, nor given back twice: one finds room, and only one.
        var held = try proxy.connect()
        try proxy.eventually("a place") {
            held = try proxy.connect()
            try held.send("GET /special/held HTTP/1.1\r\nHost: a\r\n\r\n")
            return try held.isSilent(for: .milliseconds(200))
                && origin.requests.contains { $0.target == "/special/held" }
        }
        expectMade(try proxy.get("/special"), [.routeSaturated])
        gate.open()
        #expect(try held.readResponse().isGood)
        #expect(try proxy.get("/special").isGood)
    }

    /// An origin that ends requests in all the ways there are, by their paths.
    static func origin(_ gate: Gate) throws -> Origin {
        try Origin { connection in
            while let request = try connection.readRequest() {
                switch request.target {
                case "/special/held": try gate.pass(by: .after(.seconds(30)))
                case "/special/reset": return connection.reset()
                case "/special/cut":
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel")
                    return
                case "/special/busy":
                    try connection.send(Retries.unavailable)
                    continue
                case "/special/never":
                    while try connection.receiveMore() {}
                    return
                default: break
                }
                try connection.send(ok)
            }
        }
    }

    enum Ending: CaseIterable {
        case answered, hungUp, reset, cut, late, retried, tooLarge, badBody, headTooLarge, noEndpoint, hedged
    }

    @Test(arguments: Ending.allCases) func placesAreGivenBackOnce(ending: Ending) throws {
        let gate = Gate()
        let origin = try Self.origin(gate)
        let proxy = try RouteRules.proxy(
            [origin, origin],
            configure: {
                $0.pool = { pool, _ in
                    Retries.freely(&pool.retries)
                    if ending == .late { pool.retries.attempts = 1 }
                    if ending == .retried { pool.retries.statuses = [503] }
                    if ending == .hedged { pool.hedging = HedgingRules(after: .milliseconds(20)) }
                }
            },
            special: {
                $0.limits.requests = 1
                $0.limits.bodyBytes = 10
                if ending == .late || ending == .hedged { $0.timeouts.responseHead = .seconds(3) }
                if ending == .headTooLarge {
                    $0.requestFields = (0..<40).map { .add(name: "X-\($0)", TextTemplate([.variable(.query)])) }
                }
            })
        func ends(_ path: String, _ statuses: Set<Int>) throws {
            try proxy.eventually("a place, and its end") { try statuses.contains(proxy.get("/special/\(path)").status) }
        }
        // What takes as long as its time limit is waited for once; the limit must leave time to see that the place is taken.
        let isLate = ending == .late || ending == .hedged
        try Self.placesAreGivenBack(proxy, gate, origin, rounds: isLate ? 1 : 3) { proxy in
            switch ending {
            case .answered: try ends("", [200])
            case .hungUp:
                let before = origin.requests.count
                try proxy.eventually("a place") {
                    let client = try proxy.connect()
                    try client.send("GET /special/never HTTP/1.1\r\nHost: a\r\n\r\n")
                    let isIn = try client.isSilent(for: .milliseconds(100))
                    client.reset()
                    return isIn && origin.requests.count > before
                }
            case .reset: try ends("reset", [502])
            case .cut: try ends("cut", [200])
            case .late: try ends("never", [504])
            case .retried: try ends("busy", [503])
            case .hedged: try ends("never", [504])
            case .noEndpoint:
                proxy.dataPlane.setEndpoint(0, available: false)
                proxy.dataPlane.setEndpoint(1, available: false)
                try proxy.eventually("nobody") {
                    try proxy.get("/special").reason == "no_healthy_endpoint"
                }
                expectMade(try proxy.get("/special"), [.noHealthyEndpoint])
                proxy.dataPlane.setEndpoint(0, available: true)
                proxy.dataPlane.setEndpoint(1, available: true)
                try ends("", [200])
            case .tooLarge:
                let client = try proxy.connect()
                try client.send("POST /special HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
                expectMade(try client.readResponse(to: "POST"), [.bodyTooLarge])
            case .badBody:
                let client = try proxy.connect()
                try client.send("POST /special HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n")
                #expect(try client.readResponse(to: "POST").status == 400)
            case .headTooLarge:
                let query = String(repeating: "q", count: 5_000)
                expectMade(try proxy.get("/special?\(query)"), [.headTooLarge])
            }
        }
    }
    /// A route that answers by itself, and one that refuses, need a place for as long as that takes.
    @Test func answersOfRoutesGiveTheirPlacesBack() throws {
        let proxy = try RouteRules.proxy([try Origin()]) {
            $0.limits.requests = 1
            $0.action = .respond(FixedResponse(status: 204))
            $0.responseFields = [.set(name: "X-Path", TextTemplate([.variable(.path)]))]
        }
        let client = try proxy.connect()
        for number in 0..<20 {
            let response = try client.get("/special/\(number)")
            #expect(response.status == 204 && response.fields["X-Path"] == "/special/\(number)")
        }
    }
}
