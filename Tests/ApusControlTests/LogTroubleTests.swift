import ApusAddresses
import ApusModel
import Testing

@testable import ApusControl

/// What `apus status` says of an access log.
@Suite struct LogTroubleTests {
    private func after(
        _ before: LogTrouble?, _ destination: String, _ event: AccessLogNews.Event, _ now: Int64
    ) -> LogTrouble? {
        LogTrouble(before, AccessLogNews(destination: destination, event), now: now)
    }

    @Test func itLastsFromTheFirstRefusalToTheEnd() {
        let full = AccessLogNews.Event.refused("full", keepsLines: true, untold: 0)
        var trouble = after(nil, "/a", full, 7)
        #expect(trouble == LogTrouble(destination: "/a", reason: "full", since: 7))
        trouble = after(trouble, "/a", .stillRefused("full", dropped: 3), 60)
        trouble = after(trouble, "/a", .dropped(2, .reopened), 61)
        trouble = after(trouble, "/a", .refused("gone", keepsLines: false, untold: 0), 62)
        #expect(trouble == LogTrouble(destination: "/a", reason: "gone", since: 7))
        #expect(after(trouble, "/b", .resumed(dropped: 1), 63) == trouble, "another log")
        #expect(after(trouble, "/b", full, 64)?.since == 64)
        #expect(after(trouble, "/a", .resumed(dropped: 1), 65) == nil)
        #expect(after(nil, "/a", .dropped(1, .tooFast), 66) == nil && after(nil, "/a", .resumed(dropped: 1), 67) == nil)
    }

    /// The prober has it for who asks.
    @Test func whoAsksIsTold() async throws {
        try await ProberTests().withProber([SocketAddress("127.0.0.1:1")!], ProberTests.check(.none)) { prober, _, _ in
            await prober.observe(
                .accessLog(AccessLogNews(destination: "/a", .refused("full", keepsLines: true, untold: 0))))
            #expect(await prober.report.logTrouble?.reason == "full")
        }
    }
}
