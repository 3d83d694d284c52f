import Apus
import ApusAdminClient
import ApusProcess
import ArgumentParser
import Foundation

/// How a command knows an admin server with TLS, and who it is itself.
struct AdminTLSOptions: ParsableArguments {
    @Option(
        name: .customLong("admin-ca"),
        help: ArgumentHelp(
            "Whose certificates are believed, in PEM, of an admin server with TLS; --admin HOST:PORT is asked by TLS then. Default: the "
                + "very certificate that the configuration of -c has for it, else the system's authorities.",
            valueName: "file"),
        completion: .file())
    var authorities: String?

    @Option(
        name: .customLong("admin-cert"),
        help: ArgumentHelp(
            "The certificate that is shown to an admin server with TLS that asks for one, in PEM; --admin HOST:PORT is asked by "
                + "TLS then.", valueName: "file"),
        completion: .file())
    var certificate: String?

    @Option(
        name: .customLong("admin-key"),
        help: ArgumentHelp("Its private key. Default: in the certificate's file.", valueName: "file"),
        completion: .file())
    var key: String?

    /// Whether a server is believed by who has signed its certificate, for the name that it is asked by.
    var hasAuthorities: Bool { authorities != nil }

    func validate() throws {
        if key != nil, certificate == nil { throw ValidationError("--admin-key is for --admin-cert") }
    }

    /// How the server at `address` is asked; nil for plain HTTP.
    ///
    /// - Parameter place: its listener, where a configuration has it.
    func settings(to address: AdminAddress, configured place: AdminPlaces.Place?) throws(ExitCode) -> AdminTLS? {
        let admin = place?.admin
        guard case .host = address.place,
            address.isTLS || admin?.tls != nil || authorities != nil || certificate != nil
        else { return nil }
        let own = try ownCertificate()
        if let authorities {
            let text = try read(authorities)
            return AdminTLS(
                trusting: try using { () throws(AdminTLS.UnusableFile) in
                    try AdminTLS.authorities(text, file: authorities)
                }, showing: own)
        }
        if let expected = admin?.tls?.certificates.first?.certificate { return AdminTLS(only: expected, showing: own) }
        if let file = place?.certificateFile, let tls = AdminTLS(onlyFirstOf: try read(file), showing: own) {
            complain(
                "the certificate in \(file) alone is believed, and may not be the one that runs: it does not go with its key; "
                    + "name the authority that has signed that one: --admin-ca FILE", .warning)
            return tls
        }
        guard let known = ConfigurationLoader().systemAuthorities() else {
            complain("this machine has no list of authorities. Name one: --admin-ca FILE")
            throw .unavailable
        }
        return AdminTLS(trusting: known, showing: own)
    }

    private func ownCertificate() throws(ExitCode) -> Certificate? {
        guard let certificate else { return nil }
        let keyFile = key ?? certificate
        let (chain, secret) = (try read(certificate), try read(keyFile))
        return try using { () throws(AdminTLS.UnusableFile) in
            try AdminTLS.certificate(chain, key: secret, file: certificate, keyFile: keyFile)
        }
    }

    private func read(_ path: String) throws(ExitCode) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            complain("cannot read \(path)")
            throw .unavailable
        }
        return Array(data)
    }

    private func using<Made>(_ make: () throws(AdminTLS.UnusableFile) -> Made) throws(ExitCode) -> Made {
        do throws(AdminTLS.UnusableFile) {
            return try make()
        } catch {
            complain("\(error)")
            throw .unavailable
        }
    }
}
