import ApusModel
import ApusProxy
import ApusTestKit
import Testing

/// Which endpoint gets the next request.
@Suite struct Balancing {
    /// Origins that answer with their number.
    static func origins(_ count: Int) throws -> [Origin] {
        try (0..<count).map { number in
            try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
        }
    }

    private func answers(_ count: Int, of proxy: Proxy) throws -> [String] {
        let client = try proxy.connect()
        return try (0..<count).map { _ in try client.get().text }
    }

    private func share(_ answers: [String], _ number: Int) -> Int { answers.filter { $0 == "\(number)" }.count }

    @Test func roundRobinGivesEachItsTurn() throws {
        let proxy = try Proxy(pools: [try Self.origins(3)])
        let answers = try answers(30, of: proxy)
        for start in 0...27 { #expect(Set(answers[start..<(start + 3)]).count == 3) }
    }

    @Test func roundRobinTakesNoNoticeOfWeightsButZero() throws {
        let proxy = try Proxy(pools: [try Self.origins(3)]) { $0.weights = [5, 0, 1] }
        let answers = try answers(20, of: proxy)
        #expect(share(answers, 0) + share(answers, 2) == 20 && share(answers, 1) == 0)
    }

    /// Each gets its share of every cycle, and a heavy endpoint's turns are spread over it.
    @Test func weightedRoundRobinIsSmooth() throws {
        let proxy = try Proxy(pools: [try Self.origins(3)]) {
            $0.balance = .weightedRoundRobin
            $0.weights = [5, 1, 1]
        }
        let answers = try answers(70, of: proxy)
        for cycle in 0..<10 {
            let turns = Array(answers[(cycle * 7)..<(cycle * 7 + 7)])
            #expect(share(turns, 0) == 5 && share(turns, 1) == 1 && share(turns, 2) == 1, "\(turns)")
        }
        #expect(!answers.joined().contains("00000"), "\(answers)")
    }

    @Test func leastConnectionsAvoidsTheBusy() throws {
        let gate = Gate()
        let busy = try Origin(answering: { _ in
            try gate.pass()
            return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb"
        })
        let free = try Origin(answer: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nf")
        let proxy = try Proxy(busy, free) { $0.balance = .leastConnections }
        // Sooner or later one goes to the endpoint that does not answer; ties may be broken by chance.
        var waiting: [Connection] = []
        while busy.requests.isEmpty, waiting.count < 60 {
            waiting.append(try proxy.connect())
            try waiting.last?.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try proxy.eventually("the request to arrive") {
                busy.requests.count + free.requests.count == waiting.count
            }
        }
        #expect(busy.requests.count == 1)
        let answers = try answers(20, of: proxy)
        #expect(answers.allSatisfy { $0 == "f" }, "\(answers)")
        gate.open()
        try proxy.eventually("the busy endpoint to be asked again") { try proxy.get().text == "b" }
    }

    @Test(arguments: ["round-robin", "weighted-round-robin", "least-connections"])
    func anEndpointThatIsDownGetsNothing(balance: String) throws {
        let origins = try Self.origins(3)
        let proxy = try Proxy(pools: [origins]) { $0.balance = .init(rawValue: balance)! }
        proxy.dataPlane.setEndpoint(1, available: false)
        try proxy.eventually("the endpoint to leave") { try !answers(6, of: proxy).contains("1") }
        let without = try answers(30, of: proxy)
        #expect(share(without, 1) == 0)
        proxy.dataPlane.setEndpoint(1, available: true)
        try proxy.eventually("the endpoint to return") { try answers(6, of: proxy).contains("1") }
        if balance != "least-connections" {
            let with = try answers(30, of: proxy)
            #expect((9...11).contains(share(with, 1)), "\(with)")
        }
    }

    /// Each worker decides for itself; together they must not favour anyone.
    @Test(arguments: ["round-robin", "weighted-round-robin", "least-connections"])
    func severalWorkersShareWell(balance: String) throws {
        let origins = try Self.origins(4)
        let proxy = try Proxy(pools: [origins]) {
            $0.workers = 2
            $0.balance = .init(rawValue: balance)!
        }
        // One request for each connection: were all workers to begin with the same endpoint, it would show here.
        let answers = try (0..<200).map { _ in try proxy.get().text }
        // Least connections draws among equals: a share of 200 then has a standard deviation of 6.1, and five of them
        // is what one run in a million exceeds. The others take turns, and only the split over workers is chance.
        let most = balance == "least-connections" ? 31 : 15
        for number in 0..<4 {
            #expect(abs(share(answers, number) - 50) <= most, "\(number): \(share(answers, number))")
        }
    }
}
