import ApusHTTP
import ApusModel

/// A request as routes see it.
struct SeenRequest {
    var head: RequestHead
    /// Normalized, if the configuration says so.
    var path: [UInt8]
    var bytes: [UInt8]
    var client: IPAddress
    var scheme: String

    /// With its question mark; empty when there is none.
    var query: [UInt8] {
        let target = head.target
        return target.path.upperBound < target.pathAndQuery.upperBound
            ? Array(bytes[target.path.upperBound..<target.pathAndQuery.upperBound]) : []
    }
}

/// Fills the places of a route's templates from a request that it matched.
struct TemplateFilling {
    private let request: SeenRequest
    private let captures: PathCaptures?

    init(_ request: SeenRequest, _ route: Route) {
        self.request = request
        captures = route.match.path.captures(in: request.path.span)
    }

    func text(_ template: TextTemplate) -> String {
        String(
            decoding: template.pieces.flatMap { piece in
                switch piece {
                case .literal(let bytes): bytes
                case .variable(let variable): bytes(variable)
                }
            }, as: UTF8.self)
    }

    /// The host with its port, as the client said it.
    var authority: String {
        let range = request.head.target.form == .absolute ? request.head.target.authority : request.head.hostField
        return String(decoding: request.bytes[range], as: UTF8.self)
    }

    /// The path that the origin gets.
    func path(_ rewrite: PathRewrite?) -> String {
        switch rewrite {
        case nil: return String(decoding: request.path, as: UTF8.self)
        case .template(let template):
            let path = text(template)
            return path.hasPrefix("/") ? path : "/" + path
        case .prefix(let prefix):
            let rest = captures.map { Array(request.path[$0.rest]) } ?? []
            let path = (prefix.last == UInt8(ascii: "/") ? prefix.dropLast() : prefix[...]) + rest
            return path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
        }
    }

    func edit(_ edit: FieldEdit) -> RequestExplanation.Edit {
        func shown(_ name: String, _ value: TextTemplate) -> String {
            isSensitive(fieldName: name) ? "(not shown)" : text(value)
        }
        return switch edit {
        case .set(let name, let value): .init(action: "set", name: name, value: shown(name, value))
        case .add(let name, let value): .init(action: "add", name: name, value: shown(name, value))
        case .remove(let name): .init(action: "remove", name: name, value: nil)
        }
    }

    private func bytes(_ variable: TextTemplate.Variable) -> [UInt8] {
        switch variable {
        case .scheme: Array(request.scheme.utf8)
        case .host: Array(request.bytes[request.head.host])
        case .path: request.path
        case .query: request.query
        case .method: Array(request.bytes[request.head.line.methodRange])
        case .client: Array("\(request.client)".utf8)
        case .rest: captures.map { Array(request.path[$0.rest]) } ?? []
        case .capture(let name): captures?[name].map { Array(request.path[$0]) } ?? []
        }
    }
}
