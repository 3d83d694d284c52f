import Apus
import ApusAddresses
import ApusAdminClient
import ArgumentParser
import Foundation

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Tell what would become of a request, and why.",
        discussion: """
            Which listener takes it, which routes are tried and why each is or is not for it, what the origin gets, which \
            endpoints may be picked, and which limits of time are in force and where each was said. Nothing is sent: the \
            request's head is parsed and its route found as when Apus runs.

              apus explain -c apus.yaml GET https://api.example.com/v1/users
              apus explain -c apus.yaml GET /v1 -H 'X-Tenant: acme' --client 10.1.2.3

            With --admin, a running Apus is asked how its endpoints are.

              apus explain -c apus.yaml GET /v1/users --admin 127.0.0.1:9900

            A `+` stands before what matches or may be picked, a `-` before what does not. Values of fields whose names \
            say that they let somebody in are not shown.

            Exit status: 0 when it could be told, also when Apus would refuse the request; 1 when the configuration was \
            refused; 3 when a running Apus could not be reached; 64 when the command line was not understood.
            """)

    @OptionGroup var admin: AdminOptions

    @Argument(help: "The method, such as GET.")
    var method: String

    @Argument(help: "A URL such as https://example.com/path, or a path.")
    var url: String

    @Option(name: [.customShort("H"), .customLong("header")], help: "A header field, 'Name: value'; again for more.")
    var header: [String] = []

    @Option(help: "The address of whoever connects.")
    var client = "127.0.0.1"

    @Option(help: "The name or address of the listener. Default: the one with the URL's port, else the first.")
    var listener: String?

    @Option(
        help:
            "A name in the certificate that the client shows, such as spiffe://example.org/web or CN=alice; again for more."
    )
    var clientCertificate: [String] = []

    @Flag(help: "Print it as JSON.")
    var json = false

    func validate() throws {
        if admin.configuration == nil { throw ValidationError("name the configuration: -c FILE") }
        _ = try request()
    }

    func run() async throws {
        let loaded = try ConfigurationFile.load(path: admin.configuration ?? "")
        let states = admin.address == nil ? [] : try await states()
        let explanation: RequestExplanation
        do throws(RequestExplainer.Refusal) {
            explanation = try RequestExplainer(loaded.snapshot, origins: loaded.origins, states: states)
                .explain(try described())
        } catch {
            complain(error.description)
            throw ExitCode.validationFailure
        }
        print(json ? try encoded(explanation) : explanation.text, terminator: "")
    }

    /// How the endpoints of the running Apus are.
    private func states() async throws(ExitCode) -> [EndpointState] {
        let answer = try await admin.ask(AdminRequest("GET", "/v1/pools"))
        let report = try admin.understand(answer) { body in
            try JSONDecoder().decode(PoolsReport.self, from: Data(body.utf8))
        }
        return report.pools.flatMap { pool in
            pool.endpoints.map { endpoint in
                EndpointState(
                    pool: pool.name, endpoint: endpoint.name, words: endpoint.words, isAvailable: endpoint.available,
                    weight: endpoint.weight)
            }
        }
    }

    private func described() throws(RequestExplainer.Refusal) -> DescribedRequest {
        do {
            return try request()
        } catch {
            // `validate` has said so already.
            return DescribedRequest(method: method, url: url)
        }
    }

    private func request() throws -> DescribedRequest {
        guard let address = IPAddress(client) else {
            throw ValidationError("--client is `\(client)`; expected an address such as 10.1.2.3 or 2001:db8::1")
        }
        let headers = try header.map { text in
            guard let header = DescribedRequest.Header(text) else {
                throw ValidationError("-H is `\(text)`; expected a field such as 'X-Tenant: acme'")
            }
            return header
        }
        let all = [method, url] + header
        if all.contains(where: { $0.unicodeScalars.contains { $0.value < 0x20 && $0 != "\t" } }) {
            throw ValidationError("a method, URL or header field cannot hold line breaks and control characters")
        }
        return DescribedRequest(
            method: method, url: url, headers: headers, client: address, listener: listener,
            clientCertificate: clientCertificate.isEmpty ? nil : clientCertificate)
    }
}

/// What is read of the answer to `GET /v1/pools`.
private struct PoolsReport: Decodable {
    struct Pool: Decodable {
        var name: String
        var endpoints: [Endpoint]
    }

    struct Endpoint: Decodable {
        var name: String
        var words: String
        var available: Bool
        var weight: Int
    }

    var pools: [Pool]
}

/// Anything as JSON for scripts: keys in order, a line break at the end.
func encoded(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
}
