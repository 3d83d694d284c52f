import ApusAdminClient
import ArgumentParser

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Send an endpoint nothing new; what it has may finish.",
        discussion: """
              apus drain web 10.0.0.1:8080
              apus status | grep 10.0.0.1          # until nothing is in flight
              apus undrain web 10.0.0.1:8080

            Its sticky sessions go on. It stays drained over reloads, and over restarts where the configuration has a \
            `state` directory.

            Exit status: 0; 1 when there is no such endpoint; 3 when Apus could not be reached.
            """)

    @OptionGroup var endpoint: EndpointArguments

    func run() async throws { try await endpoint.change(#"{"drain": true}"#) }
}

struct UndrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain",
        abstract: "Send a drained endpoint requests again.",
        discussion: """
              apus undrain web 10.0.0.1:8080

            Exit status: 0; 1 when there is no such endpoint; 3 when Apus could not be reached.
            """)

    @OptionGroup var endpoint: EndpointArguments

    func run() async throws { try await endpoint.change(#"{"drain": false}"#) }
}

struct WeightCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "weight",
        abstract: "Give an endpoint another weight.",
        discussion: """
              apus weight web 10.0.0.1:8080 5
              apus weight web 10.0.0.1:8080 configured

            Exit status: 0; 1 when there is no such endpoint or no such weight; 3 when Apus could not be reached.
            """)

    @OptionGroup var endpoint: EndpointArguments

    @Argument(help: "0 to 65535, or `configured` for what the configuration says.")
    var weight: String

    func validate() throws {
        guard weight == "configured" || Int(weight).map((0...65_535).contains) == true else {
            throw ValidationError("the weight is \"\(weight)\"; expected 0 to 65535, or `configured`")
        }
    }

    func run() async throws {
        try await endpoint.change(#"{"weight": \#(weight == "configured" ? "null" : weight)}"#)
    }
}

/// Which endpoint, of which running Apus.
struct EndpointArguments: ParsableArguments {
    @OptionGroup var admin: AdminOptions

    @Argument(help: "The pool's name.")
    var pool: String

    @Argument(help: "The endpoint, as the configuration calls it or by its address.")
    var endpoint: String

    /// Changes it and shows what it is now.
    func change(_ body: String) async throws {
        let path = "/v1/pools/\(AdminRequest.segment(pool))/endpoints/\(AdminRequest.segment(endpoint))"
        let answer = try await admin.ask(AdminRequest("PATCH", path, body: body))
        show(try admin.understand(answer, as: EndpointReport.init).text)
    }
}
