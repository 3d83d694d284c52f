import Apus
import ApusAdminClient
import ArgumentParser
import Foundation

/// Where a command finds the running Apus, and how it is let in.
struct AdminOptions: ParsableArguments {
    @Option(
        name: .customLong("admin"),
        help: ArgumentHelp(
            "The address of the admin server: HOST:PORT, or unix:/PATH. Default: the variable APUS_ADMIN, else what the "
                + "configuration of -c says, else 127.0.0.1:9900.", valueName: "address"))
    var address: String?

    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp("The configuration; it says where the admin server is.", valueName: "file"),
        completion: .file())
    var configuration: String?

    @Option(
        help: ArgumentHelp(
            "A file with the admin server's token. Default: the variable APUS_ADMIN_TOKEN, else the token of the "
                + "configuration of -c.", valueName: "file"), completion: .file())
    var tokenFile: String?

    /// Asks, and returns what was answered; what goes wrong becomes a message and an exit code.
    func ask(_ request: AdminRequest, patience: Duration = .seconds(10)) async throws(ExitCode) -> AdminAnswer {
        let client = try client()
        do {
            return try await client.ask(request, patience: patience)
        } catch {
            complain("\(error)")
            throw error.isRefusal ? .refused : .unavailable
        }
    }

    func client() throws(ExitCode) -> AdminClient {
        let admin = try configuration.map { path throws(ExitCode) in try Self.admin(of: path) }
        return AdminClient(try place(admin), token: try token(admin))
    }

    private func place(_ admin: Admin?) throws(ExitCode) -> AdminAddress {
        let environment = ProcessInfo.processInfo.environment["APUS_ADMIN"].flatMap { $0.isEmpty ? nil : $0 }
        if let text = address ?? environment {
            guard let place = AdminAddress(text, from: address != nil ? .option : .environment) else {
                complain(
                    "\(address != nil ? "--admin" : "APUS_ADMIN") is \"\(text)\"; expected an address such as "
                        + "127.0.0.1:9900 or unix:/run/apus/admin.sock")
                throw .validationFailure
            }
            return place
        }
        guard let admin, let configuration else { return .standard }
        let origin = AdminAddress.Origin.configuration(file: configuration)
        switch admin.bind {
        case .unix(let path): return AdminAddress(.unix(path), from: origin)
        case .address(let address):
            // Bound to all addresses, it is at this machine's own, too.
            let isAny = address.ip == IPAddress("0.0.0.0") || address.ip == IPAddress("::")
            return AdminAddress(.host(isAny ? "127.0.0.1" : "\(address.ip)", port: Int(address.port)), from: origin)
        }
    }

    private func token(_ admin: Admin?) throws(ExitCode) -> String? {
        if let tokenFile {
            guard let data = FileManager.default.contents(atPath: tokenFile) else {
                complain("cannot read the token file \(tokenFile)")
                throw .unavailable
            }
            return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
        }
        if let token = ProcessInfo.processInfo.environment["APUS_ADMIN_TOKEN"], !token.isEmpty { return token }
        return admin?.token.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    private static func admin(of path: String) throws(ExitCode) -> Admin {
        let snapshot: Snapshot
        do throws(ConfigurationErrors) {
            snapshot = try ConfigurationLoader().load(path: path).snapshot
        } catch {
            complain(exactly: "\(error)")
            complain("\(path) does not say where the admin server is, as it was refused. Name it: --admin ADDRESS")
            throw .unavailable
        }
        guard let admin = snapshot.operations.admin else {
            complain("\(path) has no admin section, so an Apus that runs with it cannot be asked")
            throw .unavailable
        }
        return admin
    }
}

extension ExitCode {
    /// A running Apus was asked for something and said no.
    static let refused = ExitCode(1)
}
