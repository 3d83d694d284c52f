import ApusHTTP
import ApusModel
import ApusTestKit
import Testing

/// The limits of a request and the status that each gives: at the limit all is well, one beyond it nothing is
/// forwarded.
@Suite struct StatusCodes {
    static func request(target: String = "/", fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test func aTargetTooLongIs414() throws {
        let target = "/" + String(repeating: "a", count: 8191)
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.get(target).isGood)
        #expect(origin.requests.map(\.target) == [target])
        try expectRefused(BadInput(Self.request(target: target + "a"), .targetTooLong))
        try expectRefused(BadInput(Self.request(target: target + "a"), .targetTooLong), .byteByByte)
        try expectRefused(BadInput(Self.request(target: "/" + String(repeating: "a", count: 200_000)), .targetTooLong))
        try expectRefused(BadInput(Self.request(target: "/" + String(repeating: "b", count: 64)), .targetTooLong)) {
            $0.limits.targetBytes = 64
        }
    }

    @Test func aHeadTooLargeIs431() throws {
        let limit = 4096
        let empty = Self.request(fields: "X: \r\n").utf8.count
        let fitting = Self.request(fields: "X: \(String(repeating: "a", count: limit - empty))\r\n")
        #expect(fitting.utf8.count == limit)
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.limits.headBytes = limit }
        #expect(try proxy.exchange(fitting).isGood)
        let tooLarge = Self.request(fields: "X: \(String(repeating: "a", count: limit - empty + 1))\r\n")
        for delivery in Delivery.allCases {
            try expectRefused(BadInput(tooLarge, .headTooLarge), delivery) { $0.limits.headBytes = limit }
        }
    }

    @Test func headsOfUpTo64KiBAreTaken() throws {
        let empty = Self.request(fields: "X: \r\n").utf8.count
        let value = String(repeating: "a", count: 65_536 - empty)
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange(Self.request(fields: "X: \(value)\r\n")).isGood)
        #expect(origin.requests.first?.fields["X"] == value)
        try expectRefused(BadInput(Self.request(fields: "X: \(value)a\r\n"), .headTooLarge))
        try expectRefused(BadInput(Self.request(fields: "X: \(value)\r\nY: \(value)\r\n"), .headTooLarge))
    }

    /// The limit holds for a head that never ends, too.
    @Test func anEndlessHeadIs431() throws {
        try expectRefused(
            BadInput("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 100_000))", .headTooLarge))
    }

    @Test func tooManyFieldsAre431() throws {
        let fields = (0..<99).map { "X-\($0): a\r\n" }.joined()
        let origin = try Origin()
        let proxy = try Proxy(origin)
        #expect(try proxy.exchange(Self.request(fields: fields)).isGood)
        for delivery in Delivery.allCases {
            try expectRefused(BadInput(Self.request(fields: fields + "Y: a\r\n"), .tooManyFields), delivery)
        }
        try expectRefused(BadInput(Self.request(fields: "A: a\r\nB: b\r\n"), .tooManyFields)) {
            $0.limits.headFields = 2
        }
    }

    @Test func aBodyTooLargeIs413() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.limits.bodyBytes = 10 }
        #expect(try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789").isGood)
        #expect(
            try proxy.exchange(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"
            ).isGood)
        let tooLarge = [
            "Content-Length: 11\r\n\r\n",
            "Content-Length: 11\r\n\r\n0123456789a",
            "Content-Length: 999999999999999999\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n56789a\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n0123456789a",
        ]
        for rest in tooLarge {
            try expectRefused(BadInput("POST / HTTP/1.1\r\nHost: a\r\n\(rest)", .bodyTooLarge)) {
                $0.limits.bodyBytes = 10
            }
        }
    }

    /// Known from the head alone: the origin is not even connected to.
    @Test func aLengthTooLargeNeverReachesTheOrigin() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.limits.bodyBytes = 10 }
        let response = try proxy.exchange("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n")
        expectRefusal(response, [.bodyTooLarge])
        #expect(origin.connections == 0)
    }

    @Test func aSlowHeadIs408() throws {
        let parts = ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"]
        for part in parts {
            try expectRefused(BadInput(part, .requestHeadTimeout)) { $0.timeouts.requestHead = .milliseconds(100) }
        }
    }

    /// The time runs from the head's first byte: a byte now and then does not extend it.
    @Test func aHeadThatTricklesIs408() throws {
        let origin = try Origin()
        let proxy = try Proxy(origin) { $0.timeouts.requestHead = .milliseconds(300) }
        let client = try proxy.connect()
        let start = ContinuousClock.now
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
        while try client.isSilent(for: .milliseconds(20)) { try client.send("a") }
        #expect(ContinuousClock.now - start < .seconds(3))
        expectRefusal(try client.readResponse(), [.requestHeadTimeout])
        #expect(origin.connections == 0)
    }

    @Test(arguments: ["Content-Length: 10", "Transfer-Encoding: chunked"])
    func aStalledBodyIs408(field: String) throws {
        try expectRefused(BadInput("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n\r\n", .requestBodyTimeout)) {
            $0.timeouts.body = .milliseconds(100)
        }
    }

    @Test func theOthersAreWhatTheyShouldBe() throws {
        try expectRefused(BadInput("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", .methodNotAllowed))
        try expectRefused(BadInput("GET / HTTP/1.1\r\nHost: a\r\nExpect: a\r\n\r\n", .expectationFailed))
        try expectRefused(BadInput("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .badVersion))
        try expectRefused(
            BadInput(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding))
    }

    @Test func theTextOfARefusalNamesItsReason() throws {
        let proxy = try Proxy(try Origin())
        let response = try proxy.exchange("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        #expect(response.text == "400 Bad Request: space_before_colon\n")
        #expect(response.fields["Content-Type"] == "text/plain; charset=utf-8")
        #expect(response.phrase == "Bad Request")
    }
}
