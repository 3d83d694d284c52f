import ApusAdminClient
import ApusProcess
import ArgumentParser

struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have a running Apus read its configuration again, or go back to one before.",
        discussion: """
            The configuration is checked completely and then used by all workers at once, or refused with everything \
            that is wrong with it, and nothing has changed.

              apus reload --dry-run
              apus reload
              apus reload --rollback               # to the one that ran before
              apus reload --rollback --revision 7

            Exit status: 0; 1 when it was refused; 3 when Apus could not be reached.
            """)

    @OptionGroup var admin: AdminOptions

    @Flag(help: "Only say what would change.")
    var dryRun = false

    @Flag(help: "Go back to a revision that was kept, the one before unless --revision says which.")
    var rollback = false

    @Option(help: "With --rollback: the number of the revision.")
    var revision: Int?

    func validate() throws {
        if revision != nil, !rollback { throw ValidationError("--revision is for --rollback") }
        if let revision, revision < 1 { throw ValidationError("revisions have numbers from 1") }
    }

    func run() async throws {
        let query = dryRun ? "?dry_run" : ""
        let request =
            rollback
            ? AdminRequest(
                "POST", "/v1/config/rollback\(query)", body: revision.map { #"{"revision": \#($0)}"# } ?? "{}")
            : AdminRequest("POST", "/v1/config/reload\(query)")
        // Host names are looked up, and all workers go over to it.
        let answer = try await admin.ask(request, patience: .seconds(60))
        let report = try admin.understand(answer, as: AdoptionReport.init)
        for warning in report.warnings { complain(exactly: warning.rendered, .warning) }
        show(report.text)
    }
}

struct UpgradeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Have the program's new version take over from a running Apus.",
        discussion: """
            Put the new version where the old one is; then the running process starts it, hands it the listening \
            sockets, and ends when what it has in flight is done. No connection is refused or broken. If the new \
            version does not come up, the old one goes on, and this command says why.

              install -m 755 apus-new /usr/local/bin/apus
              apus upgrade

            The same is done by: kill -USR2 $(pidof apus)

            Exit status: 0; 1 when the old version goes on; 3 when Apus could not be reached.
            """)

    @OptionGroup var admin: AdminOptions

    func run() async throws {
        // The new process has half a minute to come up.
        let answer = try await admin.ask(AdminRequest("POST", "/v1/upgrade"), patience: .seconds(60))
        show(try admin.understand(answer, as: UpgradeReport.init).message)
    }
}
