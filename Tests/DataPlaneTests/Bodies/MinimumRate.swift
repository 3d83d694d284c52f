import ApusHTTP
import ApusModel
import ApusProxy
import ApusRouting
import ApusTestKit
import Testing

/// Bodies must proceed at a minimum rate: a byte before every deadline is not enough.
@Suite(.onOwnThreads) struct MinimumRate {
    /// 1,000 bytes per second, over windows of 300 ms.
    private func proxy(
        _ origin: Origin, rate: Int? = 1_000, configure: (inout Proxy.Configuration) -> Void = { _ in }
    ) throws -> Proxy {
        try Proxy(origin) {
            $0.limits.minRate = rate
            $0.limits.rateWindow = .milliseconds(300)
            configure(&$0)
        }
    }

    /// Sends `part` every 30 ms, `count` times or until nobody takes it.
    private func trickle(_ connection: Connection, _ part: String, _ count: Int) {
        let gate = Gate()
        for _ in 0..<count {
            guard (try? connection.send(part)) != nil else { return }
            try? gate.pass(by: .after(.milliseconds(30)))
        }
    }

    @Test(arguments: ["Content-Length: 100000", "Transfer-Encoding: chunked"])
    func anUploadThatTricklesIsRefused(framing: String) throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n")
        trickle(client, framing.hasPrefix("Content") ? "a" : "1\r\na\r\n", 40)
        expectRefusal(try client.readResponse(), [.requestBodyTooSlow])
        try origin.wait(for: "the end of the unfinished request") { $0.ended == 1 }
        try proxy.eventually("the reason") { proxy.count(.requestBodyTooSlow) == 1 }
    }

    /// Of what is moved without being read, no more is borne.
    @Test func aLargeUploadThatBeginsToTrickleIsRefused() throws {
        let origin = try Origin()
        let proxy = try proxy(origin)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n")
        try client.send([UInt8](repeating: 0x61, count: 4 << 20))
        trickle(client, "a", 60)
        expectRefusal(try client.readResponse(), [.requestBodyTooSlow])
        try origin.wait(for: "the end of the unfinished request") { $0.ended == 1 }
    }

    @Test func anUploadThatIsFastEnoughIsNot() throws {
        let proxy = try proxy(try Origin())
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n")
        trickle(client, String(repeating: "a", count: 1_000), 40)
        #expect(try client.readResponse().isGood)
    }

    /// Each request of a connection is measured by itself.
    @Test func theNextRequestBeginsAnew() throws {
        let proxy = try proxy(try Origin())
        let client = try proxy.connect()
        for _ in 0..<3 {
            try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n")
            trickle(client, String(repeating: "a", count: 100), 2)
            #expect(try client.isSilent(for: .milliseconds(250)))
            try client.send(String(repeating: "a", count: 100))
            #expect(try client.readResponse().isGood)
        }
    }

    @Test func withoutARateNobodyIsTooSlow() throws {
        let proxy = try proxy(try Origin(), rate: nil)
        let client = try proxy.connect()
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n")
        trickle(client, "a", 30)
        #expect(try client.readResponse().isGood)
    }

    @Test func aRouteMayHaveItsOwn() throws {
        let proxy = try proxy(try Origin()) {
            var patient = Route(name: "patient", path: .prefix(bytes("/patient")), pool: 0)
            patient.limits.minRate = 0
            $0.routes = [patient, Route(name: "*", pool: 0)]
        }
        let patient = try proxy.connect()
        try patient.send("POST /patient HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n")
        trickle(patient, "a", 30)
        #expect(try patient.readResponse().isGood)
        let other = try proxy.connect()
        try other.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n")
        trickle(other, "a", 30)
        expectRefusal(try other.readResponse(), [.requestBodyTooSlow])
    }

    /// The origin takes the upload slowly: that is not the client's doing.
    @Test func aSlowOriginIsNotTheUploadersFault() throws {
        let origin = try Origin(buffers: .tiny) { connection in
            let head = try connection.readRequestHead()
            let gate = Gate()
            for _ in 0..<30 {
                try connection.receiveMore(upTo: 10)
                try? gate.pass(by: .after(.milliseconds(30)))
            }
            _ = try connection.readBody(of: head!)
            try connection.send(ok)
        }
        let proxy = try proxy(origin, rate: 1 << 20)
        let client = try proxy.connect()
        let size = 4 << 20
        try client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(size)\r\n\r\n")
        try client.send([UInt8](repeating: 0x61, count: size))
        #expect(try client.readResponse().isGood)
    }

    @Test func aResponseThatTricklesIsBroken() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            let gate = Gate()
            for _ in 0..<40 {
                try connection.send("a")
                try? gate.pass(by: .after(.milliseconds(30)))
            }
        }
        let proxy = try proxy(origin)
        let response = try proxy.get()
        #expect(response.status == 200 && !response.isComplete)
        try proxy.eventually("the reason") { proxy.count(.responseBodyTooSlow) == 1 }
    }

    /// What has no length may be a stream, whose events come when they come.
    @Test(arguments: [
        "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\n", "",
    ])
    func streamsMayTrickle(fields: String) throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\(fields)\r\n")
            let gate = Gate()
            for _ in 0..<25 {
                try connection.send(fields.isEmpty ? "a" : "1\r\na\r\n")
                try? gate.pass(by: .after(.milliseconds(30)))
            }
            if !fields.isEmpty { try connection.send("0\r\n\r\n") }
        }
        let response = try proxy(origin).get()
        #expect(response.isComplete && response.text == String(repeating: "a", count: 25))
    }

    private func large(_ type: String) throws -> Origin {
        try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Type: \(type)\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = bytes("100000\r\n") + [UInt8](repeating: 0x7a, count: 1 << 20) + bytes("\r\n")
            while true { try connection.send(chunk) }
        }
    }

    /// A client that takes a little again and again, so that it never stalls.
    private func readSlowly(_ client: Connection, for time: Duration) {
        let gate = Gate()
        let start = ContinuousClock.now
        while ContinuousClock.now - start < time {
            guard (try? client.receiveMore(upTo: 16_384)) == true else { return }
            try? gate.pass(by: .after(.milliseconds(5)))
        }
    }

    @Test func aClientThatReadsTooSlowlyIsCut() throws {
        let proxy = try proxy(try large("text/plain"), rate: 100 << 20)
        let client = try proxy.connect(buffers: .init(receive: 65_536))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        readSlowly(client, for: .seconds(5))
        try proxy.eventually("the reason") { proxy.count(.clientTooSlow) == 1 }
    }

    @Test func aReaderOfEventsIsNot() throws {
        let proxy = try proxy(try large("text/event-stream; charset=utf-8"), rate: 100 << 20)
        let client = try proxy.connect(buffers: .init(receive: 65_536))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        readSlowly(client, for: .seconds(2))
        #expect(proxy.count(.clientTooSlow) == 0)
    }
}
