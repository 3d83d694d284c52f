import Apus
import ApusAdminClient
import ArgumentParser
import Foundation

/// How a command knows an admin server with TLS, and who it is itself.
struct AdminTLSOptions: ParsableArguments {
    @Option(
        name: .customLong("admin-ca"),
        help: ArgumentHelp(
            "Whose certificates are believed, in PEM, of an admin server with TLS. Default: the very certificate that the "
                + "configuration of -c has for it, else the system's authorities.", valueName: "file"),
        completion: .file())
    var authorities: String?

    @Option(
        name: .customLong("admin-cert"),
        help: ArgumentHelp(
            "The certificate that is shown to an admin server with TLS that asks for one, in PEM.", valueName: "file"),
        completion: .file())
    var certificate: String?

    @Option(
        name: .customLong("admin-key"),
        help: ArgumentHelp("Its private key. Default: in the certificate's file.", valueName: "file"),
        completion: .file())
    var key: String?

    func validate() throws {
        if key != nil, certificate == nil { throw ValidationError("--admin-key is for --admin-cert") }
    }

    /// How the server at `address` is asked; nil for plain HTTP.
    ///
    /// - Parameter admin: its listener, where a configuration has it.
    func settings(to address: AdminAddress, configured admin: Admin?) throws(ExitCode) -> AdminTLS? {
        guard case .host = address.place,
            address.isTLS || admin?.tls != nil || authorities != nil || certificate != nil
        else { return nil }
        let own = try ownCertificate()
        if let authorities {
            let text = try read(authorities)
            return AdminTLS(
                trusting: try using(authorities) { try AdminTLS.authorities(text, file: authorities) }, showing: own)
        }
        if let expected = admin?.tls?.certificates.first?.certificate,
            let tls = AdminTLS(only: expected, showing: own)
        {
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
        let (chain, secret) = (try read(certificate), try read(key ?? certificate))
        return try using(certificate) { try AdminTLS.certificate(chain, key: secret) }
    }

    private func read(_ path: String) throws(ExitCode) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            complain("cannot read \(path)")
            throw .unavailable
        }
        return Array(data)
    }

    private func using<Made>(_ path: String, _ make: () throws -> Made) throws(ExitCode) -> Made {
        do {
            return try make()
        } catch {
            complain("\(path) cannot be used: \(error)")
            throw .unavailable
        }
    }
}
