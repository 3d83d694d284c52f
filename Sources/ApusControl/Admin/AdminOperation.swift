import ApusModel
import HTTPTypes
import Hummingbird

/// One thing that the admin server does: a method and a path, what it takes and gives, and who carries it out.
///
/// The router, the index, the list of what there is and the OpenAPI document are all made from `all`.
struct AdminOperation: Sendable {
    typealias Handler =
        @Sendable (AdminAPI) -> @Sendable (Request, AdminAPI.Context) async throws -> Response

    let method: HTTPRequest.Method
    /// With places in braces: `/v1/pools/{pool}`.
    let path: String
    /// A name for it that is unlike the others'.
    let id: String
    let summary: String
    /// What a listener must allow its callers. What reads files because of a text that the caller sent is a change.
    let role: Admin.Role
    var query: [QueryParameter] = []
    var body: Body?
    let answer: Answer
    /// Statuses of problems, beside those that any operation may have.
    var problems: [Int] = []
    /// Whether it is served without a token.
    var isOpen = false
    let handler: Handler

    struct QueryParameter: Sendable {
        var name: String
        var meaning: String
        /// Whether it is there or not, rather than a text.
        var isFlag = true
    }

    enum Body: Sendable {
        /// The text of a configuration.
        case configuration
        /// An object of that schema.
        case object(schema: String, example: JSONValue)
    }

    struct Answer: Sendable {
        var status = 200
        var meaning: String
        var content: Content
        /// Other statuses with the same kind of content, and their meaning.
        var others: [Int: String] = [:]
        /// Whether it has an ETag.
        var hasETag = false

        enum Content: Sendable {
            case text
            case json(schema: String)
            /// JSON, and text where the query asks for it.
            case jsonOrText(schema: String)
            case anyJSON
        }
    }
}

extension AdminOperation {
    static let all: [AdminOperation] = reading + readingConfiguration + changingConfiguration + changingEndpoints

    /// What there is, for people.
    static var index: String {
        let width = all.map { $0.method.rawValue.count + $0.path.count + 1 }.max() ?? 0
        let lines = all.map { operation in
            let name = "\(operation.method.rawValue) \(operation.path)"
            let role = operation.role.rawValue
            return name + String(repeating: " ", count: width - name.count + 2)
                + role + String(repeating: " ", count: 9 - role.count) + operation.summary
        }
        return "apus \(Version.current)\n\n" + lines.joined(separator: "\n") + "\n"
    }

    private static let dryRun = QueryParameter(
        name: "dry_run", meaning: "Only say what would happen; `dry_run` alone, or `dry_run=true`.")

    private static let ofPool = QueryParameter(
        name: "pool", meaning: "Ask about the clients of this pool: not ready if it has nobody, either.", isFlag: false)

    private static let reading: [AdminOperation] = [
        AdminOperation(
            method: .get, path: "/", id: "index", summary: "What there is, for people", role: .read,
            answer: Answer(meaning: "A list of the operations.", content: .text), handler: { $0.index }),
        AdminOperation(
            method: .get, path: "/livez", id: "livez", summary: "200 while the process runs", role: .metrics,
            answer: Answer(meaning: "It runs.", content: .text), isOpen: true, handler: { $0.livez }),
        AdminOperation(
            method: .get, path: "/readyz", id: "readyz",
            summary: "200 while clients should be sent here, else 503 and why not (?pool=: a pool's)",
            role: .metrics, query: [ofPool],
            answer: Answer(
                meaning: "Clients may be sent here.", content: .text,
                others: [503: "Clients should be sent elsewhere; why, in words."]), problems: [404], isOpen: true,
            handler: { $0.readyz }),
        AdminOperation(
            method: .get, path: "/metrics", id: "metrics", summary: "What Apus counts, as Prometheus text",
            role: .metrics,
            answer: Answer(meaning: "Prometheus text, version 0.0.4.", content: .text), problems: [503],
            handler: { $0.metrics }),
        AdminOperation(
            method: .get, path: "/openapi.json", id: "openapi", summary: "This interface, as an OpenAPI document",
            role: .read,
            answer: Answer(meaning: "OpenAPI 3.1.", content: .anyJSON), handler: { $0.openAPI }),
        AdminOperation(
            method: .get, path: "/v1/status", id: "status", summary: "What runs, since when, and how it is",
            role: .read, query: [ofPool],
            answer: Answer(meaning: "The state of this process.", content: .json(schema: "Status")),
            problems: [404, 503],
            handler: { $0.status }),
        AdminOperation(
            method: .get, path: "/v1/listeners", id: "listeners", summary: "Where clients are accepted", role: .read,
            answer: Answer(meaning: "Every listener.", content: .json(schema: "Listeners")), problems: [503],
            handler: { $0.listeners }),
        AdminOperation(
            method: .get, path: "/v1/certificates", id: "certificates",
            summary: "The certificates that are shown, and when they end (?text: for people)", role: .read,
            query: [QueryParameter(name: "text", meaning: "As text for people; `text` alone, or `text=true`.")],
            answer: Answer(
                meaning: "Every certificate, where it is shown.", content: .jsonOrText(schema: "Certificates")),
            problems: [400, 503], handler: { $0.certificates }),
        AdminOperation(
            method: .get, path: "/v1/routes", id: "routes",
            summary: "Which requests go where, in the order in which routes are tried", role: .read,
            answer: Answer(meaning: "Every route.", content: .json(schema: "Routes")), problems: [503],
            handler: { $0.routes }),
        AdminOperation(
            method: .get, path: "/v1/pools", id: "pools", summary: "How every pool and endpoint is (?text: for people)",
            role: .read,
            query: [QueryParameter(name: "text", meaning: "As text for people; `text` alone, or `text=true`.")],
            answer: Answer(meaning: "Every pool.", content: .jsonOrText(schema: "Pools")), problems: [400, 503],
            handler: { $0.pools }),
        AdminOperation(
            method: .get, path: "/v1/pools/{pool}", id: "pool", summary: "How one pool is", role: .read,
            answer: Answer(meaning: "The pool.", content: .json(schema: "Pool")), problems: [404, 503],
            handler: { $0.pool }),
        AdminOperation(
            method: .get, path: "/v1/endpoints", id: "endpoints", summary: "How every endpoint is", role: .read,
            answer: Answer(meaning: "Every endpoint of every pool.", content: .json(schema: "Endpoints")),
            problems: [503], handler: { $0.endpoints }),
        AdminOperation(
            method: .get, path: "/v1/pools/{pool}/endpoints/{address}", id: "endpoint", summary: "How one endpoint is",
            role: .read,
            answer: Answer(meaning: "The endpoint.", content: .json(schema: "Endpoint")), problems: [404, 503],
            handler: { $0.endpoint }),
        AdminOperation(
            method: .get, path: "/v1/connections", id: "connections", summary: "Connections, counted", role: .read,
            answer: Answer(
                meaning: "Connections of every listener and to every endpoint.", content: .json(schema: "Connections")),
            problems: [503], handler: { $0.connections }),
    ]

    private static let readingConfiguration: [AdminOperation] = [
        AdminOperation(
            method: .get, path: "/v1/config", id: "configuration",
            summary: "The configuration that runs, and where each thing of it was written", role: .read,
            answer: Answer(
                meaning: "The files, secrets masked, with the ETag for If-Match.",
                content: .json(schema: "Configuration"), hasETag: true), handler: { $0.runningConfiguration }),
        AdminOperation(
            method: .get, path: "/v1/config/revisions", id: "revisions", summary: "The configurations to go back to",
            role: .read,
            answer: Answer(meaning: "The latest first.", content: .json(schema: "Revisions")),
            handler: { $0.revisions }),
        AdminOperation(
            method: .get, path: "/v1/config/revisions/{number}", id: "revision", summary: "One of them, with its files",
            role: .read,
            answer: Answer(
                meaning: "The revision, secrets masked.", content: .json(schema: "RevisionFiles"), hasETag: true),
            problems: [400, 404], handler: { $0.revision }),
    ]

    private static let changingConfiguration: [AdminOperation] = [
        AdminOperation(
            method: .post, path: "/v1/config/validate", id: "validate",
            summary: "Check a configuration, and say what it would change", role: .change, body: .configuration,
            answer: Answer(meaning: "It could run.", content: .json(schema: "Adoption")),
            problems: [400, 413, 422, 503],
            handler: { $0.validate }),
        AdminOperation(
            method: .post, path: "/v1/config/diff", id: "diff",
            summary: "Compare a configuration with the one that runs", role: .change,
            body: .object(
                schema: "ConfigurationFiles",
                example: ["files": [["path": "apus.yaml", "text": "listeners: ..."]]]),
            answer: Answer(meaning: "What would change.", content: .json(schema: "Comparison")),
            problems: [400, 413, 422, 503], handler: { $0.diff }),
        AdminOperation(
            method: .put, path: "/v1/config", id: "apply",
            summary: "Run another configuration; the file stays as it is", role: .change,
            query: [dryRun], body: .configuration,
            answer: Answer(meaning: "It runs.", content: .json(schema: "Adoption"), hasETag: true),
            problems: [400, 409, 412, 413, 422, 503], handler: { $0.apply }),
        AdminOperation(
            method: .post, path: "/v1/config/reload", id: "reload", summary: "Read the configuration file again",
            role: .change,
            query: [dryRun],
            answer: Answer(
                meaning: "What the file says runs.", content: .json(schema: "Adoption"), hasETag: true),
            problems: [400, 409, 422, 503], handler: { $0.reload }),
        AdminOperation(
            method: .post, path: "/v1/config/rollback", id: "rollback", summary: "Go back to an earlier configuration",
            role: .change,
            query: [dryRun], body: .object(schema: "RollbackRequest", example: ["revision": 7]),
            answer: Answer(meaning: "It runs.", content: .json(schema: "Adoption"), hasETag: true),
            problems: [400, 404, 409, 412, 413, 422, 503], handler: { $0.rollback }),
    ]

    private static let changingEndpoints: [AdminOperation] = [
        AdminOperation(
            method: .post, path: "/v1/pools/{pool}/endpoints", id: "addEndpoint", summary: "Add an endpoint",
            role: .change,
            body: .object(schema: "NewEndpoint", example: ["address": "10.0.0.7:8080", "weight": 1]),
            answer: Answer(
                status: 201, meaning: "It is there, at the address of Location.",
                content: .json(schema: "EndpointChange")), problems: [400, 404, 409, 413, 503],
            handler: { $0.addEndpoint }),
        AdminOperation(
            method: .patch, path: "/v1/pools/{pool}/endpoints/{address}", id: "adjustEndpoint",
            summary: "Change an endpoint's weight, or drain it", role: .change,
            body: .object(schema: "EndpointAdjustment", example: ["drain": true]),
            answer: Answer(meaning: "It is so from now on.", content: .json(schema: "EndpointChange")),
            problems: [400, 404, 413, 503], handler: { $0.adjustEndpoint }),
        AdminOperation(
            method: .delete, path: "/v1/pools/{pool}/endpoints/{address}", id: "removeEndpoint",
            summary: "Remove an endpoint; what it has in flight may finish", role: .change,
            query: [
                QueryParameter(
                    name: "persist",
                    meaning: "Whether it outlives the process, where there is a state directory; yes "
                        + "unless `persist=false`.")
            ],
            answer: Answer(meaning: "It gets nothing more.", content: .json(schema: "EndpointChange")),
            problems: [400, 404, 409], handler: { $0.removeEndpoint }),
        AdminOperation(
            method: .post, path: "/v1/upgrade", id: "upgrade",
            summary: "Hand over to a new process of the binary on disk", role: .change,
            answer: Answer(
                meaning: "The successor has taken over; this process finishes what it has.",
                content: .json(schema: "Upgrade")),
            problems: [409, 501], handler: { $0.upgradeProcess }),
    ]
}
