import ApusModel
import ApusProxy
import ApusTestKit
import Foundation
import Testing

/// What a line looks like in each format, how many requests get one, and where the lines go when the file is moved.
@Suite struct AccessLogFormats {
    @Test func theCombinedFormatIsApaches() throws {
        let file = AccessLogFile()
        let proxy = try Proxy(try Origin()) { $0.accessLog = file.log(.combined) }
        let client = try proxy.connect()
        try client.send(
            "GET /a?b HTTP/1.1\r\nHost: example.com\r\nReferer: http://x/\"y\\\r\nUser-Agent: A (\u{e9}\tB)\r\n\r\n")
        let response = try client.readResponse()
        try client.send("GET /b HTTP/1.0\r\nHost: a\r\n\r\n")
        _ = try client.readResponse()
        let lines = try file.lines(2, of: proxy)
        let time = /127\.0\.0\.1 - - \[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000)\] (.*)/
        let first = try #require(lines[0].wholeMatch(of: time)).output
        #expect(
            first.2 == #""GET /a?b HTTP/1.1" 200 \#(response.body.count) "http://x/\"y\\" "A (\xe9\tB)""#)
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "dd/MMM/yyyy:HH:mm:ss Z"
        let date = try #require(format.date(from: String(first.1)))
        #expect(abs(date.timeIntervalSinceNow) < 60)
        #expect(lines[1].contains(#""GET /b HTTP/1.0" 200 "#) && lines[1].hasSuffix(#" "-" "-""#))
    }

    @Test func theCombinedFormatHasADashForWhatThereIsNot() throws {
        let file = AccessLogFile()
        let proxy = try Proxy(try Origin()) { $0.accessLog = file.log(.combined) }
        let client = try proxy.connect()
        try client.send("HEAD / HTTP/1.1\r\nHost: a\r\nUser-Agent:\r\n\r\n")
        _ = try client.readResponse(to: "HEAD")
        try client.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        let refusal = try client.readResponse()
        let lines = try file.lines(2, of: proxy)
        #expect(lines[0].hasSuffix(#""HEAD / HTTP/1.1" 200 - "-" """#))
        #expect(lines[1].hasSuffix(#""-" 400 \#(refusal.body.count) "-" "-""#))
    }

    @Test func aTemplateHasTheFieldsItNames() throws {
        let file = AccessLogFile()
        let template = try AccessLogTemplate(
            "{{{method}} {target} {status} {body_bytes_sent} {request_id} {referer} {reason} {pool} {sample}")
        let proxy = try Proxy(try Origin()) { $0.accessLog = file.log(.template(template)) }
        let client = try proxy.connect()
        try client.send("GET /x HTTP/1.1\r\nHost: a\r\nX-Request-ID: r 1\r\nReferer: q\"\r\n\r\n")
        let response = try client.readResponse()
        #expect(try file.lines(1, of: proxy) == [#"{GET} /x 200 \#(response.body.count) r 1 q\" - pool0 1"#])
    }

    @Test func jsonHasWhatTheClientSaidOfItself() throws {
        let file = AccessLogFile()
        let proxy = try Proxy(try Origin()) { $0.accessLog = file.log() }
        let client = try proxy.connect()
        let agent = Array(String(repeating: "é", count: 300).utf8)
        let start = bytes("GET / HTTP/1.1\r\nHost: a\r\nReferer: \"q\\ ")
        try client.send(start + [0xff, 0xc3] + bytes("\r\nUSER-AGENT: ") + agent + bytes("\r\n\r\n"))
        #expect(try client.readResponse().isGood)
        let line = try AccessLogFile.object(try file.lines(1, of: proxy)[0])
        #expect(line["referer"] as? String == "\"q\\ \u{fffd}\u{fffd}")
        #expect(line["user_agent"] as? String == String(repeating: "é", count: 256), "512 bytes are kept")
        #expect(line["request_id"] is NSNull && line["sample"] == nil)
        #expect(line["closed_by"] is NSNull && line["close_reason"] is NSNull)
        #expect(line["body_bytes_sent"] as? Int ?? .max < line["bytes_sent"] as? Int ?? 0)
        // No listener speaks TLS.
        let fields = AccessLogField.allCases.filter { $0 != .sample && !$0.isOfTLS }
        #expect(Set(line.keys) == Set(fields.map(\.rawValue)))
    }

    /// However long what a client sends is, a template may repeat it.
    @Test func aLineNeverOutgrowsItsRoom() throws {
        let file = AccessLogFile()
        let many = String(repeating: "{target}", count: 40)
        let template = try AccessLogTemplate("\(many) {status} {client}")
        let proxy = try Proxy(try Origin()) { $0.accessLog = file.log(.template(template)) }
        let client = try proxy.connect()
        #expect(try client.get("/" + String(repeating: "x", count: 8_000)).isGood)
        let line = try file.lines(1, of: proxy)[0]
        #expect(line.utf8.count > 100_000 && line.contains(" 200 127.0.0.1:"))
    }

    // MARK: Sampling

    @Test func oneOfSoManyIsLoggedAndEveryFailure() throws {
        let file = AccessLogFile()
        let origin = try Origin { connection in
            while let request = try connection.readRequest() {
                let isBad = request.target.hasPrefix("/bad")
                try connection.send("HTTP/1.1 \(isBad ? 500 : 200) X\r\nContent-Length: 0\r\n\r\n")
            }
        }
        let proxy = try Proxy(origin) { $0.accessLog = file.log(oneIn: 10) }
        let client = try proxy.connect()
        for number in 0..<2_000 {
            _ = try client.get(number % 100 == 0 ? "/bad" : "/good")
            client.forget()
        }
        _ = try client.get("/bad")
        try proxy.eventually("the failures") { file.lines.filter { $0.contains("/bad") }.count == 21 }
        let lines = try file.lines.map(AccessLogFile.object)
        let good = lines.filter { $0["status"] as? Int == 200 }
        // 198 are expected; six standard deviations are 80.
        #expect((118...278).contains(good.count))
        #expect(good.allSatisfy { $0["sample"] as? Int == 10 && $0["target"] as? String == "/good" })
        #expect(lines.filter { $0["status"] as? Int == 500 }.allSatisfy { $0["sample"] as? Int == 1 })
    }

    @Test func failuresAreDrawnTooWhereThatIsAskedFor() throws {
        let file = AccessLogFile()
        let proxy = try Proxy(try RefusingPort()) {
            $0.accessLog = file.log(oneIn: 1_000_000, alwaysLogsFailures: false)
        }
        for _ in 0..<20 { #expect(try proxy.get().status == 502) }
        proxy.dataPlane.stop()
        proxy.dataPlane.waitUntilEnded()
        #expect(file.lines.isEmpty)
    }

    // MARK: Reopening

    @Test func aFileThatWasMovedIsMadeAnew() throws {
        let file = AccessLogFile()
        let moved = AccessLogFile()
        let proxy = try Proxy(try Origin()) { $0.accessLog = file.log() }
        #expect(try proxy.get("/before").isGood)
        _ = try file.lines(1, of: proxy)
        try FileManager.default.moveItem(atPath: file.path, toPath: moved.path)
        try proxy.dataPlane.reopenLogs()
        #expect(try proxy.get("/after").isGood)
        let after = try file.lines(1, of: proxy)
        #expect(after.count == 1 && after[0].contains("/after"))
        #expect(moved.lines.count == 1 && moved.lines[0].contains("/before"))
    }

    @Test func aFileThatCannotBeMadeAnewStaysInUse() throws {
        let folder = NSTemporaryDirectory() + "apus-\(UUID().uuidString)"
        let moved = folder + "-moved"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: moved) }
        let proxy = try Proxy(try Origin()) { $0.accessLog = .file(path: folder + "/log") }
        try FileManager.default.moveItem(atPath: folder, toPath: moved)
        #expect(throws: DataPlaneError.accessLog(path: folder + "/log", errno: ENOENT)) {
            try proxy.dataPlane.reopenLogs()
        }
        #expect(try proxy.get("/still").isGood)
        try proxy.eventually("the line") {
            (try? String(contentsOfFile: moved + "/log", encoding: .utf8))?.contains("/still") == true
        }
    }

    /// A path that somebody was lent may have become a link by the time it is opened, or opened again.
    @Test func linksAreNotFollowedWhereTheyMustNotBe() throws {
        let file = AccessLogFile()
        let victim = AccessLogFile()
        func log(followsLinks: Bool) -> AccessLog { AccessLog(.file(path: file.path, followsLinks: followsLinks)) }
        let proxy = try Proxy(try Origin()) { $0.accessLog = log(followsLinks: false) }
        #expect(try proxy.get("/before").isGood)
        _ = try file.lines(1, of: proxy)
        try FileManager.default.removeItem(atPath: file.path)
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: victim.path)
        #expect(throws: DataPlaneError.accessLog(path: file.path, errno: ELOOP)) { try proxy.dataPlane.reopenLogs() }
        #expect(throws: DataPlaneError.accessLog(path: file.path, errno: ELOOP)) {
            try Proxy(try Origin()) { $0.accessLog = log(followsLinks: false) }
        }
        #expect(!FileManager.default.fileExists(atPath: victim.path))
        // The operator's own may be one.
        let other = try Proxy(try Origin()) { $0.accessLog = log(followsLinks: true) }
        #expect(try other.get("/own").isGood)
        try other.dataPlane.reopenLogs()
        #expect(try victim.lines(1, of: other)[0].contains("/own"))
        try FileManager.default.removeItem(atPath: file.path)
        try #require(mkfifo(file.path, 0o600) == 0)
        #expect(throws: DataPlaneError.self) { try proxy.dataPlane.reopenLogs() }
    }

    /// A file that a reload ends in that moment is not opened again behind a descriptor that is somebody else's by then.
    @Test func filesThatReloadsEndAreLetBe() async throws {
        let files = [AccessLogFile(), AccessLogFile()]
        let proxy = try Proxy(try Origin()) { $0.accessLog = files[0].log() }
        let isOver = Monitor(false)
        let hasEnded = Gate()
        onThread {
            while !isOver.with({ $0 }) { try? proxy.dataPlane.reopenLogs() }
            hasEnded.open()
        }
        for round in 1...200 { try await proxy.reload { $0.accessLog = files[round % 2].log() } }
        isOver.with { $0 = true }
        try hasEnded.pass(by: .after(.seconds(60)))
        #expect(try proxy.get().isGood)
        // What was opened last takes the other's place when the log's thread comes to it.
        try proxy.eventually("one file, once") { descriptors(of: files[1]) == 0 && descriptors(of: files[0]) == 1 }
    }

    private func descriptors(of file: AccessLogFile) -> Int {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        let targets = all.map { try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)") }
        return targets.count { $0 == file.path }
    }
}
