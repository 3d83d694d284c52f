import ApusAddresses
import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Synchronization
import Testing

/// A filter that a test answers for: it says `later` to every request, and keeps the questions.
final class Doubtful: RequestFilter {
    /// What was asked about: the method, the target, and whether the head claimed something.
    struct Seen: Equatable {
        var line: String
        var client: String?
    }

    private let asked = Monitor<[(seen: Seen, question: FilterQuestion)]>([])
    private let decide: @Sendable (Seen) -> FilterDecision?

    /// - Parameter decide: what it says at once; nil for later.
    init(_ decide: @escaping @Sendable (Seen) -> FilterDecision? = { _ in nil }) { self.decide = decide }

    func look(
        at head: RequestHead, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>, _ question: FilterQuestion
    ) -> FilterVerdict {
        func text(_ range: Range<Int>) -> String {
            var text: [UInt8] = []
            for index in range { text.append(bytes[index]) }
            return String(decoding: text, as: UTF8.self)
        }
        let name = Array("x-forwarded-for".utf8)
        let seen = Seen(
            line: "\(text(head.line.methodRange)) \(text(head.target.pathAndQuery))",
            client: fields.value(of: name.span, in: bytes).map(text))
        asked.with { $0.append((seen, question)) }
        return decide(seen).map { .decided($0) } ?? .later
    }

    var seen: [Seen] { asked.with { $0.map(\.seen) } }
    var lines: [String] { seen.map(\.line) }

    /// The question of that number, from 1 on, when it has been asked.
    func question(_ number: Int = 1) throws -> FilterQuestion {
        try asked.wait(for: "question \(number)") { $0.count >= number }[number - 1].question
    }
}

/// Filters that answer later: from other threads, at once, twice, too late, and across a reload.
@Suite(.onOwnThreads) struct LateFilters {
    static func proxy(
        _ filters: [any RequestFilter], to origin: any Addressed,
        configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> Proxy {
        try Proxy(origin) {
            var route = Route(name: "special", path: .prefix(bytes("/special")), pool: 0)
            route.filters = filters.map { RouteFilter($0) }
            $0.routes = [route, Route(name: "*", pool: 0)]
            configure(&$0)
        }
    }

    static let denied = FilterDecision.answer(FixedResponse(status: 401, body: bytes("who are you?")))

    static let posted = "POST /special HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
    static let got = "GET /special HTTP/1.1\r\nHost: a\r\n\r\n"

    // MARK: In time

    @Test func aRouteWithFiltersIsNotPlain() {
        var route = Route(name: "r", pool: 0)
        route.filters = [RouteFilter(Doubtful())]
        #expect(!route.isPlain)
        #expect(route.filters == route.filters && route.filters != [RouteFilter(Doubtful())])
    }

    @Test func decisionsThatComeAtOnce() throws {
        let (origin, first) = (try Origin(), Doubtful { _ in .proceed })
        let second = Doubtful { $0.line.contains("bad") ? Self.denied : .proceed }
        let proxy = try Self.proxy([first, second], to: origin)
        #expect(try proxy.get("/special").isGood)
        let response = try proxy.get("/special/bad")
        #expect(response.status == 401 && response.text == "who are you?" && response.reason == nil)
        #expect(try proxy.get("/other").isGood)
        #expect(first.lines == ["GET /special", "GET /special/bad"] && second.lines == first.lines)
        #expect(origin.requests.map(\.target) == ["/special", "/other"])
    }

    @Test(arguments: [got, posted]) func aRequestWaitsForItsDecision(request: String) throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin)
        let client = try proxy.connect()
        try client.send(request)
        let question = try filter.question()
        #expect(try client.isSilent(for: .milliseconds(50)) && origin.connections == 0)
        // Others do not wait with it.
        #expect(try proxy.get("/other").isGood)
        question.answer(.proceed)
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.last?.text == (request == Self.got ? "" : "hello"))
        #expect(filter.lines.count == 1)
        // The connection goes on.
        try client.send("GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.readResponse().isGood)
    }

    /// The answer is given before `look` has returned, on the worker's own thread.
    @Test func anAnswerBeforeAnybodyWaits() throws {
        final class Hasty: RequestFilter {
            func look(
                at head: RequestHead, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>, _ question: FilterQuestion
            ) -> FilterVerdict {
                question.answer(.proceed)
                question.answer(LateFilters.denied)
                return .later
            }
        }
        let proxy = try Self.proxy([Hasty(), Hasty()], to: try Origin())
        let client = try proxy.connect()
        for _ in 0..<100 { #expect(try client.get("/special").isGood) }
    }

    /// A head that came in pieces, a body behind it that came with it and after it, and the next request.
    @Test func whatCameMeanwhileIsThere() throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin)
        let client = try proxy.connect()
        try client.sendSlowly("POST /special/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel")
        let question = try filter.question()
        try client.send(
            "lo\r\n0\r\n\r\nPOST /special/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nyesGET /other HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        question.answer(.proceed)
        #expect(try client.readResponse(to: "POST").isGood)
        try filter.question(2).answer(Self.denied)
        #expect(try client.readResponse(to: "POST").status == 401)
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map(\.target) == ["/special/1", "/other"])
        #expect(origin.requests.first?.text == "hello")
    }

    @Test func severalFiltersOneAfterTheOther() throws {
        let (origin, filters) = (try Origin(), (0..<3).map { _ in Doubtful() })
        let proxy = try Self.proxy(filters, to: origin)
        let client = try proxy.connect()
        try client.send(Self.posted)
        for filter in filters {
            #expect(origin.connections == 0)
            let question = try filter.question()
            question.answer(.proceed)
            // A doubled one is not taken for the next filter's.
            question.answer(.proceed)
            question.answer(Self.denied)
        }
        #expect(try client.readResponse(to: "POST").isGood)
        #expect(filters.allSatisfy { $0.lines == ["POST /special"] })
    }

    /// What only a trusted proxy may say is gone when the head is read again.
    @Test func claimsAreSettledAgain() throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin)
        let client = try proxy.connect()
        try client.send("GET /special HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Real-IP: 1.2.3.4\r\n\r\n")
        try filter.question().answer(.proceed)
        #expect(try client.readResponse().isGood)
        #expect(filter.seen == [.init(line: "GET /special", client: nil)])
        #expect(origin.requests[0].fields["X-Forwarded-For"] == "127.0.0.1")
        #expect(origin.requests[0].fields["X-Real-IP"] == nil)
    }

    /// What a trusted proxy says is tidied where it lies, and reads the same when it is read again.
    @Test func tidiedListsAreReadAgain() throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin) { $0.trustedProxies = [Network("127.0.0.0/8")!] }
        let client = try proxy.connect()
        try client.send("GET /special HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1,, 2001:db8::1\r\n\r\n")
        try filter.question().answer(.proceed)
        #expect(try client.readResponse().isGood)
        #expect(origin.requests[0].fields["X-Forwarded-For"] == "1.1.1.1,2001:db8::1, 127.0.0.1")
    }

    @Test(arguments: [got, posted]) func anAnswerInsteadOfTheOrigins(request: String) throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin)
        let client = try proxy.connect()
        try client.send(request + Self.got)
        try filter.question().answer(Self.denied)
        let response = try client.readResponse(to: String(request.prefix { $0 != " " }))
        #expect(response.status == 401 && response.text == "who are you?" && response.isComplete)
        try filter.question(2).answer(.proceed)
        #expect(try client.readResponse().isGood)
        #expect(origin.requests.map(\.method) == ["GET"])
    }

    /// The answer of a filter is of the route, too: a page may read it, and preflights are answered before filters are
    /// asked, since they carry no credentials.
    @Test func filtersAndPagesOfOtherOrigins() throws {
        let filter = Doubtful()
        let proxy = try Self.proxy([filter], to: try Origin()) { $0.routes[0].cors = CrossOrigins.rules }
        #expect(
            try CrossOrigins.ask(proxy, "OPTIONS /special", "https://app.test", CrossOrigins.preflight).status == 204)
        #expect(filter.seen == [])
        let client = try proxy.connect()
        try client.send("GET /special HTTP/1.1\r\nHost: a\r\nOrigin: https://app.test\r\n\r\n")
        try filter.question().answer(Self.denied)
        let response = try client.readResponse()
        #expect(response.status == 401 && CrossOrigins.said(response) == CrossOrigins.allowed)
    }

    // MARK: Too late

    @Test func aDecisionAfterTheDeadline() throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin) { $0.timeouts.responseHead = .seconds(1) }
        let client = try proxy.connect()
        try client.send(Self.posted + "GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
        let question = try filter.question()
        expectMade(try client.readResponse(to: "POST"), [.filterTimeout])
        question.answer(.proceed)
        // What was kept is not taken for another request, and what came behind it is there.
        #expect(try client.readResponse().isGood)
        question.answer(Self.denied)
        #expect(try client.get("/other").isGood)
        #expect(origin.requests.map(\.target) == ["/other", "/other"])
        #expect(proxy.count(.filterTimeout) == 1)
    }

    /// Of a body that has not come whole the end is not known, so that nothing can follow.
    @Test func aDeadlineAmidABody() throws {
        let filter = Doubtful()
        let proxy = try Self.proxy([filter], to: try Origin()) { $0.timeouts.responseHead = .seconds(1) }
        let client = try proxy.connect()
        try client.send("POST /special HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhello")
        let response = try client.readResponse(to: "POST")
        expectMade(response, [.filterTimeout])
        #expect(response.announcesClose)
        try filter.question().answer(.proceed)
        #expect(try proxy.get("/other").isGood)
    }

    /// The slot of the exchange, and its connection's, belong to others by then.
    @Test func aDecisionForAClientThatHasGone() throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin)
        for number in 1...20 {
            let gone = try proxy.connect()
            try gone.send(Self.got)
            let question = try filter.question(2 * number - 1)
            gone.reset()
            try proxy.eventually("its end") { proxy.count(.clientClosed) == UInt64(number) }
            let client = try proxy.connect()
            try client.send("GET /special/\(number) HTTP/1.1\r\nHost: a\r\n\r\n")
            let own = try filter.question(2 * number)
            question.answer(Self.denied)
            question.answer(.proceed)
            #expect(try client.isSilent(for: .milliseconds(10)))
            own.answer(.proceed)
            #expect(try client.readResponse().isGood)
        }
        #expect(origin.requests.map(\.target) == (1...20).map { "/special/\($0)" })
    }

    /// A client that has ended its own direction reads on.
    @Test func aClientThatHalfCloses() throws {
        let filter = Doubtful()
        let proxy = try Self.proxy([filter], to: try Origin()) { $0.listener = { $0.servesHalfClosed = true } }
        let client = try proxy.connect()
        try client.send(Self.posted)
        let question = try filter.question()
        client.endSending()
        rest(.milliseconds(50))
        question.answer(.proceed)
        #expect(try client.readResponse(to: "POST").isGood)
    }

    @Test func answersAfterTheEndOfEverything() throws {
        let filter = Doubtful()
        var proxy: Proxy? = try Self.proxy([filter], to: try Origin())
        let client = try proxy?.connect()
        try client?.send(Self.got)
        let question = try filter.question()
        proxy = nil
        question.answer(.proceed)
        question.answer(Self.denied)
    }

    @Test func aDrainWaitsForDecisions() throws {
        let filter = Doubtful()
        let proxy = try Self.proxy([filter], to: try Origin()) { $0.timeouts.drain = .seconds(20) }
        let client = try proxy.connect()
        try client.send(Self.got)
        let question = try filter.question()
        proxy.dataPlane.drain()
        #expect(try client.isSilent(for: .milliseconds(50)))
        question.answer(.proceed)
        let response = try client.readResponse()
        #expect(response.isGood && response.announcesClose)
    }

    @Test func aDrainsEndIsAnAnswer() throws {
        let filter = Doubtful()
        let proxy = try Self.proxy([filter], to: try Origin()) { $0.timeouts.drain = .milliseconds(200) }
        let client = try proxy.connect()
        try client.send(Self.posted)
        let question = try filter.question()
        proxy.dataPlane.drain()
        expectMade(try client.readResponse(to: "POST"), [.drainDeadline])
        question.answer(.proceed)
    }

    // MARK: Reloads

    /// Indices are others then, and what is said of the route may be.
    @Test(arguments: [false, true]) func aReloadMeanwhile(leadsElsewhere: Bool) async throws {
        let (origin, other, filter) = (try Origin(), try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin)
        let client = try proxy.connect()
        try client.send(Self.posted)
        let question = try filter.question()
        try await proxy.reload { draft in
            draft.pools.insert(Proxy.Draft.PoolDraft("new", [other.address]), at: 0)
            var routes = draft.listeners[0].routes
            for index in routes.indices {
                // What leads elsewhere is another route, and the request's goes on as it began.
                let pool = leadsElsewhere && index == 0 ? 0 : 1
                routes[index].action = .forward(Split([WeightedPool(pool: pool)]))
                routes[index].requestFields = [.set(name: "X-New", TextTemplate(literal: "1"))]
            }
            let first = Route(name: "first", path: .prefix(bytes("/first")), pool: 1)
            draft.listeners[0].routes = [first] + routes
        }
        question.answer(.proceed)
        #expect(try client.readResponse(to: "POST").isGood)
        #expect(origin.requests.map(\.text) == ["hello"] && other.requests.isEmpty)
        #expect(origin.requests[0].fields["X-New"] == (leadsElsewhere ? nil : "1"))
        #expect(filter.lines.count == 1)
    }

    /// No filter that a reload brings is left out, and one that it took away decides nothing.
    @Test func aReloadWithOtherFilters() async throws {
        let (origin, old, new) = (try Origin(), Doubtful(), Doubtful())
        let proxy = try Self.proxy([old], to: origin)
        let client = try proxy.connect()
        try client.send(Self.posted)
        let question = try old.question()
        try await proxy.reload { $0.listeners[0].routes[0].filters = [RouteFilter(new), RouteFilter(old)] }
        question.answer(Self.denied)
        let second = try new.question()
        #expect(origin.connections == 0)
        second.answer(.proceed)
        try old.question(2).answer(.proceed)
        #expect(try client.readResponse(to: "POST").isGood)
    }

    /// The route answers by itself by then, or has gone: the request goes on as it began.
    @Test(arguments: [false, true]) func aReloadWithoutTheRoute(isGone: Bool) async throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin)
        let client = try proxy.connect()
        try client.send(Self.posted)
        let question = try filter.question()
        try await proxy.reload { draft in
            if isGone {
                draft.listeners[0].routes.removeFirst()
            } else {
                draft.listeners[0].routes[0].action = .respond(FixedResponse(status: 403))
                draft.listeners[0].routes[0].filters = []
            }
        }
        question.answer(.proceed)
        #expect(try client.readResponse(to: "POST").isGood)
        #expect(origin.requests.map(\.text) == ["hello"])
        // Its client's next request finds what there is now.
        #expect(try client.get("/special").status == (isGone ? 200 : 403))
    }

    @Test func aReloadFromAnswersToAPool() async throws {
        let filter = Doubtful()
        let proxy = try Self.proxy([filter], to: try Origin()) {
            $0.routes[0].action = .respond(FixedResponse(status: 403))
        }
        let client = try proxy.connect()
        try client.send(Self.posted)
        let question = try filter.question()
        try await proxy.reload { $0.listeners[0].routes[0].action = .forward(Split([WeightedPool(pool: 0)])) }
        question.answer(.proceed)
        #expect(try client.readResponse(to: "POST").status == 403)
    }

    /// A head that was taken may be larger than what is taken now.
    @Test func aReloadWithOtherLimits() async throws {
        let filter = Doubtful()
        let proxy = try Self.proxy([filter], to: try Origin())
        let client = try proxy.connect()
        try client.send(
            "GET /special HTTP/1.1\r\nHost: a\r\nX-A: \(String(repeating: "a", count: 3_000))\r\n\r\n" + Self.got)
        let question = try filter.question()
        try await proxy.reload { $0.limits.headBytes = 1_024 }
        question.answer(.proceed)
        let response = try client.readResponse()
        expectMade(response, [.headTooLarge])
        #expect(response.announcesClose)
    }

    // MARK: Many

    /// When memory is short, it is not taken from requests that wait for a decision.
    @Test func memoryIsNotTakenFromThem() throws {
        let (origin, filter) = (try Origin(), Doubtful())
        let proxy = try Self.proxy([filter], to: origin) { $0.limits.bufferBytesPerWorker = 1 << 20 }
        let field = "X-A: \(String(repeating: "a", count: 20_000))\r\n"
        let waiting = try (0..<4).map { number in
            let client = try proxy.connect()
            try client.send("GET /special/\(number) HTTP/1.1\r\nHost: a\r\n\(field)\r\n")
            _ = try filter.question(number + 1)
            return client
        }
        // Heads that do not come whole use up the rest.
        let trickling = try (0..<40).map { _ in
            let client = try proxy.connect()
            try client.send("GET /other HTTP/1.1\r\nHost: a\r\n\(field)")
            return client
        }
        #expect(try proxy.get("/other").isGood)
        for (number, client) in waiting.enumerated() {
            try filter.question(number + 1).answer(.proceed)
            #expect(try client.readResponse().isGood)
        }
        withExtendedLifetime(trickling) {}
    }

    /// From many threads, several workers, twice each, among clients that leave.
    @Test func manyAtOnce() throws {
        final class Elsewhere: RequestFilter {
            func look(
                at head: RequestHead, _ fields: borrowing FieldTable, _ bytes: Span<UInt8>, _ question: FilterQuestion
            ) -> FilterVerdict {
                let isGood = head.target.path.count % 2 == 0
                onThread {
                    question.answer(isGood ? .proceed : LateFilters.denied)
                    question.answer(isGood ? LateFilters.denied : .proceed)
                }
                return .later
            }
        }
        let proxy = try Self.proxy([Elsewhere()], to: try Origin()) { $0.workers = 2 }
        let done = Monitor(0)
        for number in 0..<8 {
            onThread {
                do {
                    for round in 0..<40 {
                        let client = try proxy.connect()
                        let path = round % 2 == 0 ? "/special" : "/special/"
                        try client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
                        if (number + round) % 5 == 0 {
                            client.reset()
                            continue
                        }
                        #expect(try client.readResponse().status == (round % 2 == 0 ? 200 : 401))
                    }
                } catch {
                    Issue.record("\(error)")
                }
                done.with { $0 += 1 }
            }
        }
        _ = try done.wait(for: "all clients") { $0 == 8 }
        #expect(try proxy.get("/special").isGood)
    }
}
