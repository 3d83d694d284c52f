import ApusModel
import ApusProxy
import ApusTestKit
import Foundation
import Testing

/// An access log for which there is no room: a line is there whole or not at all, and what is lost is counted and told of.
@Suite struct FullDisks {
    /// What files of this process may grow to.
    private static func limitFiles(to bytes: rlim_t) {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
        limit.rlim_cur = bytes
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    }

    /// A file that is full in the middle of a line, and later has room again.
    @Test func aLineIsWholeOrAbsent() async {
        await #expect(processExitsWith: .success) {
            let file = AccessLogFile()
            let template = try AccessLogTemplate("<{method} {target} {status}>")
            let proxy = try Proxy(try Origin()) {
                $0.workers = 2
                $0.accessLog = file.log(.template(template))
            }
            let clients = try (0..<4).map { _ in try proxy.connect() }
            for client in clients { #expect(try client.get("/first").isGood) }
            _ = try file.lines(4, of: proxy)
            // Half a line more has room.
            FullDisks.limitFiles(to: rlim_t(4 * 18 + 9))
            for number in 0..<400 { #expect(try clients[number % 4].get("/\(1000 + number)").isGood) }
            var facts = proxy.dataPlane.facts.makeAsyncIterator()
            guard case .accessLog(let news) = await facts.next()?.fact, case .refused(let reason, true, 0) = news.event
            else {
                Issue.record("nobody was told")
                return
            }
            #expect(news.destination == file.path && reason == "File too large")
            FullDisks.limitFiles(to: rlim_t.max)
            let lines = try file.lines(404, of: proxy)
            #expect(lines.count == 404 && lines.allSatisfy { $0.hasPrefix("<GET /") && $0.hasSuffix(" 200>") })
            #expect(Set(lines).count == 401, "each once")
            #expect(
                await facts.next()?.fact
                    == .accessLog(AccessLogNews(destination: file.path, .resumed(dropped: 0))))
        }
    }

    /// What finds no room in memory either is dropped, counted, and told of.
    @Test func whatIsDroppedIsCountedAndTold() async {
        await #expect(processExitsWith: .success) {
            let file = AccessLogFile()
            let template = try AccessLogTemplate("<{target}>")
            let proxy = try Proxy(try Origin()) { $0.accessLog = file.log(.template(template)) }
            let client = try proxy.connect()
            FullDisks.limitFiles(to: 5_000)
            let long = String(repeating: "x", count: 6_000)
            for number in 0..<400 { #expect(try client.get("/\(number)/\(long)").isGood) }
            #expect(proxy.count(.accessLogDropped) > 100)
            FullDisks.limitFiles(to: rlim_t.max)
            // A line is written, or dropped, when its client may have its response already.
            try proxy.eventually("every line") { file.lines.count + Int(proxy.count(.accessLogDropped)) == 400 }
            let (lines, dropped) = (file.lines, proxy.count(.accessLogDropped))
            #expect(lines.allSatisfy { $0.hasPrefix("</") && $0.hasSuffix("x>") && $0.utf8.count > 6_000 })
            var facts = proxy.dataPlane.facts.makeAsyncIterator()
            _ = await facts.next()
            #expect(
                await facts.next()?.fact
                    == .accessLog(AccessLogNews(destination: file.path, .resumed(dropped: Int(dropped)))))
        }
    }

    /// The file is moved away with half a line in it, and keeps it: the other half is not the beginning of the next file.
    @Test func theRestOfALineDoesNotGoToAnotherFile() async {
        await #expect(processExitsWith: .success) {
            let file = AccessLogFile()
            let moved = AccessLogFile()
            let template = try AccessLogTemplate("<{target}>")
            let proxy = try Proxy(try Origin()) { $0.accessLog = file.log(.template(template)) }
            let client = try proxy.connect()
            FullDisks.limitFiles(to: 12)
            for number in 0..<10 { #expect(try client.get("/\(1000 + number)").isGood) }
            var facts = proxy.dataPlane.facts.makeAsyncIterator()
            _ = await facts.next()
            try FileManager.default.moveItem(atPath: file.path, toPath: moved.path)
            try proxy.dataPlane.reopenLogs()
            FullDisks.limitFiles(to: rlim_t.max)
            try proxy.eventually("the lines") { (file.lines.last ?? "") == "</1009>" }
            #expect(file.lines.allSatisfy { $0.hasPrefix("</") && $0.hasSuffix(">") })
            #expect(try String(contentsOfFile: moved.path, encoding: .utf8).hasPrefix("</1000>\n</10"))
        }
    }

    /// A process that ended on a full disk has left half a line.
    @Test func aFileThatEndsWithinALineIsGoneOnWithOnTheNext() throws {
        let file = AccessLogFile()
        try "</before>\n</ha".write(toFile: file.path, atomically: true, encoding: .utf8)
        let proxy = try Proxy(try Origin()) { $0.accessLog = file.log(.template(try! AccessLogTemplate("<{target}>"))) }
        let client = try proxy.connect()
        for target in ["/a", "/b"] { #expect(try client.get(target).isGood) }
        #expect(try file.lines(4, of: proxy) == ["</before>", "</ha", "</a>", "</b>"])
    }

    /// The disk is full until the end: what waits is lost then, and that is told.
    @Test func whatIsLostAtTheEndIsTold() async {
        await #expect(processExitsWith: .success) {
            let file = AccessLogFile()
            let proxy = try Proxy(try Origin()) {
                $0.accessLog = file.log(.template(try! AccessLogTemplate("<{target}>")))
            }
            let client = try proxy.connect()
            FullDisks.limitFiles(to: 12)
            for number in 0..<10 { #expect(try client.get("/\(1000 + number)").isGood) }
            var facts = proxy.dataPlane.facts.makeAsyncIterator()
            let destination = file.path
            #expect(
                await facts.next()?.fact
                    == .accessLog(
                        AccessLogNews(
                            destination: destination, .refused("File too large", keepsLines: true, untold: 0))))
            proxy.dataPlane.stop()
            proxy.dataPlane.waitUntilEnded()
            FullDisks.limitFiles(to: rlim_t.max)
            var last: DataPlaneFact?
            while let fact = await facts.next()?.fact { last = fact }
            #expect(
                last
                    == .accessLog(
                        AccessLogNews(destination: destination, .dropped(9, .refused("File too large")))))
        }
    }
}
