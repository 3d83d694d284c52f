import ApusAddresses
import ApusModel
import ApusProxy
import ApusTestKit
import Foundation
import Testing

/// One line of JSON for each request, written off the request path.
@Suite struct AccessLogging {
    typealias Line = [String: Any]

    private func logged(
        _ endpoint: any Addressed, lines count: Int, _ request: (Proxy) throws -> Void
    ) throws -> [Line] {
        let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).log"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let proxy = try Proxy(endpoint) { $0.accessLog = .file(path: path) }
        try request(proxy)
        try proxy.eventually("\(count) lines") { try Self.lines(of: path).count >= count }
        proxy.dataPlane.stop()
        proxy.dataPlane.waitUntilEnded()
        let lines = try Self.lines(of: path)
        #expect(lines.count == count)
        return try lines.map { try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? Line) }
    }

    private static func lines(of path: String) throws -> [Substring] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return text.split(separator: "\n", omittingEmptySubsequences: true).filter { $0.hasSuffix("}") }
    }

    @Test func aForwardedRequestIsDescribed() throws {
        let origin = try Origin()
        let before = Date()
        let line = try #require(
            try logged(origin, lines: 1) { proxy in
                let client = try proxy.connect()
                try client.send("POST /a?b=c HTTP/1.1\r\nHost: example.com:81\r\nContent-Length: 5\r\n\r\nhello")
                #expect(try client.readResponse().isGood)
            }.first)
        #expect(line["method"] as? String == "POST" && line["target"] as? String == "/a?b=c")
        #expect(line["host"] as? String == "example.com:81" || line["host"] as? String == "example.com")
        #expect(line["version"] as? String == "1.1" && line["status"] as? Int == 200)
        #expect(line["listener"] as? String == "127.0.0.1:0" && line["route"] as? String == "*")
        #expect(line["pool"] as? String == "pool0")
        #expect(line["endpoint"] as? String == "127.0.0.1:\(origin.address.port)")
        #expect(line["attempts"] as? Int == 1 && line["reason"] is NSNull)
        #expect(line["bytes_received"] as? Int ?? 0 >= 5 && line["bytes_sent"] as? Int ?? 0 >= 2)
        #expect(line["duration_us"] as? Int ?? -1 >= line["response_head_us"] as? Int ?? .max)
        #expect((line["client"] as? String)?.hasPrefix("127.0.0.1") == true)
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        let text = try #require(line["time"] as? String)
        let time = try #require(format.date(from: text), "\(text)")
        #expect(time > before.addingTimeInterval(-1) && time < Date().addingTimeInterval(1))
    }

    @Test func everyRequestHasItsLine() throws {
        let lines = try logged(try Origin(), lines: 250) { proxy in
            let client = try proxy.connect()
            try client.send((0..<250).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
            for _ in 0..<250 { #expect(try client.readResponse().isGood) }
        }
        #expect(lines.map { $0["target"] as? String } == (0..<250).map { "/\($0)" })
    }

    @Test func anAnswerMadeByApusNamesItsReason() throws {
        let lines = try logged(try RefusingPort(), lines: 2) { proxy in
            let client = try proxy.connect()
            #expect(try client.get("/a").status == 502)
            try client.send("GET /b HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n")
            #expect(try client.readResponse().status == 400)
        }
        #expect(lines.map { $0["reason"] as? String } == ["connect_failed", "space_before_colon"])
        #expect(lines.map { $0["status"] as? Int } == [502, 400])
        #expect(lines[0]["target"] as? String == "/a" && lines[0]["response_head_us"] is NSNull)
        #expect(lines[1]["endpoint"] is NSNull && lines[1]["attempts"] as? Int == 0)
    }

    @Test func aBrokenResponseNamesItsReason() throws {
        let origin = try Origin { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        }
        let lines = try logged(origin, lines: 1) { proxy in
            let response = try proxy.get()
            #expect(!response.isComplete)
        }
        #expect(lines[0]["reason"] as? String == "upstream_truncated" && lines[0]["status"] as? Int == 200)
    }

    @Test func aClientThatLeavesIsNamedAsTheReason() throws {
        let origin = try Origin.silent()
        let lines = try logged(origin, lines: 1) { proxy in
            let client = try proxy.connect()
            try client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            try origin.wait(for: "the request") { !$0.received.joined().isEmpty }
            client.reset()
        }
        #expect(lines[0]["reason"] as? String == "client_closed" && lines[0]["status"] as? Int == 0)
    }

    /// What a client sends cannot break the line, or forge another.
    @Test(arguments: ["/\"", "/\\", "/a\"},{\"b", "/\\\"", "/\\u0000", "/'<>{}|^`"])
    func whatAClientSendsIsEscaped(target: String) throws {
        let lines = try logged(try Origin(), lines: 1) { proxy in
            // Refused or forwarded, it is logged.
            _ = try proxy.get(target)
        }
        #expect(lines[0]["target"] as? String == target || lines[0]["target"] is NSNull)
    }

    @Test func longTargetsAndManyWorkersKeepLinesWhole() throws {
        let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).log"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let proxy = try Proxy(try Origin()) {
            $0.accessLog = .file(path: path)
            $0.workers = 2
        }
        let target = "/" + String(repeating: "x", count: 4000)
        let load = Load(on: proxy.address, connections: 8, target: target)
        try load.waitForMore(400)
        let total = try load.stop().total
        try proxy.eventually("all lines") { try Self.lines(of: path).count == total }
        for line in try Self.lines(of: path) {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? Line
            #expect(object?["target"] as? String == target)
        }
    }

    /// A reader that does not read costs lines, which are counted, and nothing else: neither requests nor the end.
    @Test func aLogThatStallsIsDroppedNotWaitedFor() throws {
        let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).fifo"
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let proxy = try Proxy(try Origin()) { $0.accessLog = .file(path: path) }
        let client = try proxy.connect()
        let target = "/" + String(repeating: "x", count: 8000)
        for _ in 0..<400 {
            #expect(try client.get(target).isGood)
            client.forget()
        }
        #expect(proxy.count(.accessLogDropped) > 100)

        let ended = Gate()
        onThread {
            proxy.dataPlane.stop()
            proxy.dataPlane.waitUntilEnded()
            ended.open()
        }
        let endedInTime = (try? ended.pass(by: .after(.seconds(5)))) != nil
        #expect(endedInTime, "a stalled log must not hold up the end")
        // Lets a proxy that waits after all come to its end.
        var buffer = [UInt8](repeating: 0, count: 65_536)
        try proxy.eventually("the end", by: .after(.seconds(10))) {
            while read(reader, &buffer, buffer.count) > 0 {}
            return (try? ended.pass(by: .after(.milliseconds(1)))) != nil
        }
    }

    /// A reader that hangs, and then reads again.
    @Test(.onOwnThreads) func aLogThatNobodyReadsIsToldOf() async throws {
        let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).fifo"
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        let reader = open(path, O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let proxy = try Proxy(try Origin()) { $0.accessLog = .file(path: path) }
        let client = try proxy.connect()
        let target = "/" + String(repeating: "x", count: 8000)
        for _ in 0..<20 {
            #expect(try client.get(target).isGood)
            client.forget()
        }
        var facts = proxy.dataPlane.facts.makeAsyncIterator()
        #expect(
            await facts.next()?.fact
                == .accessLog(
                    AccessLogNews(destination: path, .refused("nobody reads it", keepsLines: true, untold: 0))))
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var lines = 0
        try proxy.eventually("every line") {
            while case let count = read(reader, &buffer, buffer.count), count > 0 {
                lines += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
            }
            return lines == 20
        }
        #expect(
            await facts.next()?.fact == .accessLog(AccessLogNews(destination: path, .resumed(dropped: 0))))
    }

    /// `apus run | head` must not end with SIGPIPE.
    @Test func aLogWhoseReaderLeavesIsSurvived() async {
        await #expect(processExitsWith: .success) {
            let path = NSTemporaryDirectory() + "apus-\(UUID().uuidString).fifo"
            #expect(mkfifo(path, 0o600) == 0)
            let reader = open(path, O_RDONLY | O_NONBLOCK)
            let proxy = try Proxy(try Origin()) { $0.accessLog = .file(path: path) }
            #expect(try proxy.get().isGood)
            close(reader)
            unlink(path)
            let client = try proxy.connect()
            for _ in 0..<100 {
                #expect(try client.get().isGood)
                _ = try client.isSilent(for: .milliseconds(5))
            }
            // Nothing waits for another reader, and nobody says so.
            var facts = proxy.dataPlane.facts.makeAsyncIterator()
            #expect(
                await facts.next()?.fact
                    == .accessLog(
                        AccessLogNews(destination: path, .refused("Broken pipe", keepsLines: false, untold: 0))))
        }
    }
}
