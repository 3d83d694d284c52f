import ApusAdminClient
import ArgumentParser

struct CertificatesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificates",
        abstract: "List the certificates that a running Apus shows, those that end first at the top.",
        discussion: """
              apus certificates
              apus certificates --json

            Names, issuer, days left, key and file of each, with the listener or pool that shows it, and its OCSP response; \
            then the lists of revoked certificates. Exit status: 0, 1 when Apus refused to answer, 3 when it could not be \
            reached.
            """)

    @OptionGroup var admin: AdminOptions

    @Flag(help: "As JSON: what the admin server answers to GET /v1/certificates.")
    var json = false

    func run() async throws {
        show(try await admin.ask(AdminRequest("GET", "/v1/certificates" + (json ? "" : "?text"))).body)
    }
}
