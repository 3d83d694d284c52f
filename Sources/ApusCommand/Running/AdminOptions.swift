import Apus
import ApusAddresses
import ApusAdminClient
import ApusProcess
import ArgumentParser
import Foundation

/// Where a command finds the running Apus, and how it is let in.
struct AdminOptions: ParsableArguments {
    @Option(
        name: .customLong("admin"),
        help: ArgumentHelp(
            "The address of the admin server: HOST:PORT, https://HOST:PORT, or unix:/PATH. HOST:PORT is asked by TLS where -c has TLS for "
                + "it, or --admin-ca or --admin-cert is given. Default: the variable APUS_ADMIN, else the listener "
                + "of the configuration of -c that allows it, else 127.0.0.1:9900 for what only reads, and "
                + "unix:/run/apus/admin.sock for what changes something.", valueName: "address"))
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

    @OptionGroup var tls: AdminTLSOptions

    /// Asks, and returns what was answered; what goes wrong becomes a message and an exit code.
    func ask(_ request: AdminRequest, patience: Duration = .seconds(10)) async throws(ExitCode) -> AdminAnswer {
        let client = try client(for: request.method == "GET" ? .read : .change)
        do {
            return try await client.ask(request, patience: patience)
        } catch {
            complain("\(error)")
            throw error.isRefusal ? .refused : .unavailable
        }
    }

    /// - Parameter role: what the listener must allow.
    func client(for role: Admin.Role) throws(ExitCode) -> AdminClient {
        let named = try namedPlace()
        let places =
            try configuration.map { path throws(ExitCode) in try Self.places(of: path, isNeeded: named == nil) } ?? []
        // The one that allows no more than it must.
        let fitting = places.filter { $0.admin.grantedRole >= role }.min { $0.admin.grantedRole < $1.admin.grantedRole }
        if let named {
            let same = places.first { address(of: $0.admin).place.isSame(as: named.place) }
            let shield = try tls.settings(to: named, configured: same)
            // Its token is for the listeners that the configuration has, and for who has proved to be what was asked for.
            let known = same ?? (shield == nil ? nil : fitting)
            // It is asked where the configuration has it; by its name where that is to be proved.
            let target = same.map { tls.hasAuthorities ? named : address(of: $0.admin) } ?? named
            return AdminClient(target, token: try token(of: known), tls: shield)
        }
        guard let configuration else {
            let standard = role == .change ? AdminAddress.standardForChanges : .standard
            let shield = try tls.settings(to: standard, configured: nil)
            return AdminClient(standard, token: try token(of: nil), tls: shield)
        }
        guard let fitting else {
            complain(Self.missing(role, in: configuration, places.map(\.admin)))
            throw .unavailable
        }
        let found = address(of: fitting.admin)
        return AdminClient(
            found, token: try token(of: fitting), tls: try tls.settings(to: found, configured: fitting))
    }

    /// What `--admin` or APUS_ADMIN says; nil for neither.
    private func namedPlace() throws(ExitCode) -> AdminAddress? {
        let environment = ProcessInfo.processInfo.environment["APUS_ADMIN"].flatMap { $0.isEmpty ? nil : $0 }
        guard let text = address ?? environment else { return nil }
        guard let place = AdminAddress(text, from: address != nil ? .option : .environment) else {
            complain(
                "\(address != nil ? "--admin" : "APUS_ADMIN") is \"\(text)\"; expected an address such as "
                    + "127.0.0.1:9900, https://lb1.example.com:9900 or unix:/run/apus/admin.sock")
            throw .validationFailure
        }
        return place
    }

    /// Where this machine reaches a listener of the configuration.
    private func address(of admin: Admin) -> AdminAddress {
        let origin = AdminAddress.Origin.configuration(file: configuration ?? "")
        switch admin.bind {
        case .unix(let path): return AdminAddress(.unix(path), from: origin)
        case .address(let address):
            // Bound to all addresses, it is at this machine's own, too.
            let isAny = address.ip == .anyIPv4 || address.ip == .anyIPv6
            return AdminAddress(.host(isAny ? "127.0.0.1" : "\(address.ip)", port: Int(address.port)), from: origin)
        }
    }

    /// - Parameter place: the listener, where a configuration has it; one that asks for no token is told none.
    private func token(of place: AdminPlaces.Place?) throws(ExitCode) -> String? {
        if place?.asksForToken == false { return nil }
        if let tokenFile {
            guard let data = FileManager.default.contents(atPath: tokenFile) else {
                complain("cannot read the token file \(tokenFile)")
                throw .unavailable
            }
            return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
        }
        if let token = ProcessInfo.processInfo.environment["APUS_ADMIN_TOKEN"], !token.isEmpty { return token }
        return place?.admin.token.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    /// Where the admin server is has nothing to do with what endpoints' names stand for, and who asks it should not wait for that:
    /// least of all while the name service is away.
    static var loader: ConfigurationLoader {
        var loader = ConfigurationLoader()
        loader.patienceWithNames = .zero
        return loader
    }

    /// The admin listeners of a configuration. What else it says does not matter, and may be refused.
    ///
    /// - Parameter isNeeded: where it is asked is not known otherwise.
    private static func places(of path: String, isNeeded: Bool) throws(ExitCode) -> [AdminPlaces.Place] {
        let found = loader.adminPlaces(path: path)
        guard !found.errors.isEmpty else { return found.places }
        let excerpt = DiagnosticExcerpt(found.errors)
        guard found.places.isEmpty else {
            complain(exactly: excerpt.description, .warning)
            complain("the admin section of \(path) is refused as it stands, and used as far as it can be", .warning)
            return found.places
        }
        guard isNeeded else { return [] }
        complain(exactly: excerpt.description)
        complain(
            "\(path) does not say where the admin server is, as far as it can be read. Name it: --admin ADDRESS")
        throw .unavailable
    }

    private static func missing(_ role: Admin.Role, in file: String, _ listeners: [Admin]) -> String {
        guard !listeners.isEmpty else {
            return "\(file) has no admin section, so an Apus that runs with it cannot be asked"
        }
        let known = listeners.map { "\($0.bind) has `role: \($0.grantedRole)`" }.joined(separator: ", ")
        let example = role == .change ? #"{ bind: "unix:/run/apus/admin.sock" }"# : "{ bind: 127.0.0.1:9900 }"
        return "\(file) has no admin listener with `role: \(role)` (\(known)). Add `\(example)` to `admin`, or name "
            + "another one: --admin ADDRESS"
    }
}

extension ExitCode {
    /// A running Apus was asked for something and said no.
    static let refused = ExitCode(1)
}
