import ApusAdminClient
import ArgumentParser

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how a running Apus and its endpoints are.",
        discussion: """
              apus status
              apus status --admin unix:/run/apus/admin.sock
              apus status --pool web      # 1 as well when nobody of the pool may be picked
              apus status --json

            Exit status: 0 when it is ready for clients, 1 when it is not or refused to answer, 3 when it could not be \
            reached. A pool that has nobody leaves Apus ready for the others: ask with --pool.
            """)

    @OptionGroup var admin: AdminOptions

    @Option(help: "Ask for the clients of this pool: not ready when it has nobody, either.")
    var pool: String?

    @Flag(help: "As JSON: what the admin server answers to GET /v1/status.")
    var json = false

    func run() async throws {
        let answer = try await admin.ask(AdminRequest("GET", "/v1/status" + query))
        let report = try admin.understand(answer, as: StatusReport.init)
        if json {
            show(answer.body)
        } else {
            show(report.text(pools: try await admin.ask(AdminRequest("GET", "/v1/pools?text")).body))
        }
        if !report.ready { throw ExitCode.refused }
    }

    private var query: String { pool.map { "?pool=" + AdminRequest.segment($0) } ?? "" }
}

extension AdminOptions {
    /// Reads an answer, which another version of Apus may give in another form.
    func understand<Report>(_ answer: AdminAnswer, as read: (String) throws -> Report) throws(ExitCode) -> Report {
        do {
            return try read(answer.body)
        } catch {
            complain("the answer is not what this version of apus knows. Use the apus that is as new as what runs.")
            throw .unavailable
        }
    }
}

/// Writes text that has its line breaks to standard output.
func show(_ text: String) { print(text, terminator: text.hasSuffix("\n") ? "" : "\n") }
