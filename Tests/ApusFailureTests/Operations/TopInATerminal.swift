import ApusTestKit
import Foundation
import Testing

extension DailyOperations {
    /// `apus top` draws on the whole screen, in whatever size it has, and gives the terminal back as it was, however it
    /// ends.
    @Test func topInATerminal() async throws {
        try await play {
            let origin = try MoodyOrigin("a")
            let apus = try Deployment(Deployment.configuration(before: [origin.address]))
            try apus.start()
            func top(interval: String = "0.2") throws -> TerminalSession {
                let session = try TerminalSession(
                    apus.program, ["top", "--interval", interval], environment: ["APUS_ADMIN": "\(apus.admin)"],
                    size: .init(columns: 100, rows: 30))
                try eventually("a screen") { session.screen.contains { $0.hasPrefix("ENDPOINT") } }
                #expect(session.text.hasPrefix("\u{1b}[?1049h\u{1b}[?25l") && !session.isAsUsual)
                return session
            }
            func expectGivenBack(_ session: TerminalSession, after words: String = "") throws {
                try eventually("the screen to be given back") { session.text.contains("\u{1b}[?25h\u{1b}[?1049l") }
                #expect(session.isAsUsual)
                let rest = session.text.components(separatedBy: "\u{1b}[?1049l").last ?? ""
                #expect(words.isEmpty || rest.contains(words), "\(rest)")
            }

            // It redraws when the terminal has another size, long before it looks again.
            let session = try top(interval: "60")
            #expect(session.screen.first?.hasPrefix("apus ") == true && session.screen.count > 12)
            session.resize(.init(columns: 40, rows: 12))
            try eventually("a small screen") {
                session.screen.count <= 12 && session.screen.allSatisfy { $0.count <= 40 }
            }
            session.press("x")
            session.press("q")
            #expect(try session.waitForEnd() == 0)
            try expectGivenBack(session)

            // It looks again by itself, and Ctrl-C ends it as `q` does.
            let other = try top()
            let frames = other.text.components(separatedBy: "\u{1b}[H").count
            try eventually("more screens") { other.text.components(separatedBy: "\u{1b}[H").count > frames + 2 }
            other.press("\u{3}")
            #expect(try other.waitForEnd() == 0)
            try expectGivenBack(other)

            let ended = try top()
            ended.signal(SIGTERM)
            #expect(try ended.waitForEnd() == 128 + SIGTERM)
            try expectGivenBack(ended)

            // Why it ends stands where it is seen: on the screen that was there before.
            let orphan = try top()
            #expect(try apus.stop() == 0)
            #expect(try orphan.waitForEnd() == 3)
            try expectGivenBack(orphan, after: "\(apus.admin)")
        }
    }
}
