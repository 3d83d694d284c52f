import ApusHTTP
import Foundation
import Testing

@Suite struct ReasonTests {
    @Test func everyTokenIsItsOwn() {
        #expect(Set(Reason.allCases.map { "\($0.token)" }).count == Reason.allCases.count)
    }

    @Test func everyStatusIsAnError() {
        for reason in Reason.allCases {
            guard let status = reason.status else { continue }
            #expect((400...599).contains(status), "\(reason)")
        }
    }

    /// docs/reasons.md has a row for each, with its status, and no other.
    @Test func theDocumentExplainsEveryReason() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/reasons.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        // Those that break a connection have no column for a status.
        let rows = text.matches(of: /\n\| `(\w+)` \|(?: (\d{3}) \|)?/)
        let documented = rows.map { "\($0.output.1) \($0.output.2 ?? "none")" }
        let reasons = Reason.allCases.map { reason in "\(reason.token) \(reason.status.map { "\($0)" } ?? "none")" }
        #expect(documented.sorted() == reasons.sorted())
    }
}
