import ApusModel
import HTTPTypes

/// The admin server's interface as an OpenAPI 3.1 document: made from the list of operations, and kept in docs/openapi.json
/// as well.
enum OpenAPIDocument {
    /// As it is served.
    static let text = document.jsonText

    static var document: JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for operation in AdminOperation.all {
            paths[operation.path, default: [:]][operation.method.rawValue.lowercased()] = describe(operation)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Apus", "version": .text(Version.current),
                "description": """
                The admin interface of Apus, a load balancer. It has one or more listeners, each with a role: `metrics` \
                (health and metrics), `read` (everything that only tells) or `change` (everything). `x-apus-role` is \
                the role that an operation needs. Changes need a token or a Unix socket. Problems are told as RFC 9457 \
                has it.
                """,
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "servers": [["url": "http://127.0.0.1:9900", "description": "Where `admin.bind` says."]],
            "security": [.object([:]), ["token": []]],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "securitySchemes": [
                    "token": ["type": "http", "scheme": "bearer", "description": "The configured `admin.token`."]
                ],
                "schemas": .object(OpenAPISchemas.all),
            ],
        ]
    }

    private static func describe(_ operation: AdminOperation) -> JSONValue {
        var members: [String: JSONValue] = [
            "operationId": .text(operation.id), "summary": .text(operation.summary),
            "responses": .object(responses(of: operation)), "x-apus-role": .text(operation.role.rawValue),
        ]
        let parameters =
            pathParameters(of: operation.path) + operation.query.map { query($0) } + preconditions(operation)
        if !parameters.isEmpty { members["parameters"] = .list(parameters) }
        switch operation.body {
        case nil: break
        case .configuration?:
            let text: JSONValue = ["schema": ["type": "string"]]
            members["requestBody"] = [
                "required": true, "description": "The text of the main configuration file.",
                "content": ["application/yaml": text, "text/plain": text],
            ]
        case .object(let schema, let example)?:
            members["requestBody"] = [
                "required": .flag(schema != "RollbackRequest"),
                "content": ["application/json": ["schema": reference(schema), "example": example]],
            ]
        }
        if operation.isOpen { members["security"] = [] }
        return .object(members)
    }

    private static func pathParameters(of path: String) -> [JSONValue] {
        path.split(separator: "/").filter { $0.hasPrefix("{") }.map { part in
            let name = String(part.dropFirst().dropLast())
            let meaning =
                switch name {
                case "pool": "A pool, by its name."
                case "address": "An endpoint, by its address or by what the configuration calls it."
                default: "The number of a revision."
                }
            return [
                "name": .text(name), "in": "path", "required": true, "description": .text(meaning),
                "schema": ["type": .text(name == "number" ? "integer" : "string")],
            ]
        }
    }

    private static func query(_ parameter: AdminOperation.QueryParameter) -> JSONValue {
        [
            "name": .text(parameter.name), "in": "query", "required": false,
            "allowEmptyValue": .flag(parameter.isFlag),
            "description": .text(parameter.meaning),
            "schema": parameter.isFlag
                ? ["type": "string", "enum": ["", "true", "false", "1", "0"]] : ["type": "string"],
        ]
    }

    /// Who answers 412 looks at If-Match.
    private static func preconditions(_ operation: AdminOperation) -> [JSONValue] {
        guard operation.problems.contains(412) else { return [] }
        return [
            [
                "name": "If-Match", "in": "header", "required": false, "schema": ["type": "string"],
                "description": "The ETag of the configuration that the caller has seen: another one is not replaced.",
            ]
        ]
    }

    // MARK: - Answers

    private static func responses(of operation: AdminOperation) -> [String: JSONValue] {
        let answer = operation.answer
        var responses: [String: JSONValue] = [:]
        for (status, meaning) in [(answer.status, answer.meaning)] + answer.others.map({ ($0.key, $0.value) }) {
            var response: [String: JSONValue] = [
                "description": .text(meaning), "content": content(answer.content),
            ]
            if answer.hasETag {
                let tag: JSONValue = ["description": "For If-Match.", "schema": ["type": "string"]]
                response["headers"] = ["ETag": tag]
            }
            responses["\(status)"] = .object(response)
        }
        let problems =
            operation.problems + (operation.body == nil ? [] : [408, 503]) + (operation.isOpen ? [] : [401, 403]) + [
                500
            ]
        for status in problems where responses["\(status)"] == nil {
            responses["\(status)"] = [
                "description": .text(meanings[status] ?? "A problem."),
                "content": ["application/problem+json": ["schema": reference("Problem")]],
            ]
        }
        return responses
    }

    private static let meanings = [
        408: "The body stopped arriving.",
        400: "The request cannot be understood.", 401: "The token is missing or wrong.",
        403: "The listener's role does not allow it, it is for another host, or a page of another site has sent it.",
        404: "There is no such pool, endpoint or revision.", 409: "It contradicts what runs; nothing has changed.",
        412: "The configuration has changed meanwhile; nothing else has.", 413: "The body is too large.",
        422: "The configuration has errors, which are listed; nothing has changed.", 500: "A mistake of Apus.",
        501: "This process cannot be upgraded.",
        503: "A reload is under way, files are read, or other requests take the memory there is; ask again.",
    ]

    private static func content(_ content: AdminOperation.Answer.Content) -> JSONValue {
        let text: JSONValue = ["schema": ["type": "string"]]
        return switch content {
        case .text: ["text/plain": text]
        case .json(let schema): ["application/json": ["schema": reference(schema)]]
        case .jsonOrText(let schema): ["application/json": ["schema": reference(schema)], "text/plain": text]
        case .anyJSON: ["application/json": ["schema": ["type": "object"]]]
        }
    }

    static func reference(_ schema: String) -> JSONValue { ["$ref": .text("#/components/schemas/\(schema)")] }
}
