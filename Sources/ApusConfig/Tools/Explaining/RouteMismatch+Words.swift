import ApusAddresses
import ApusHTTP
import ApusModel
import ApusRouting

extension RouteMismatch {
    /// Why `route` is not for a request: what it asks, and what was found.
    func words(of route: Route) -> String {
        let match = route.match
        switch self {
        case .host(let found):
            return "host: asks for \(list(match.hosts.map(\.words))), found \(text(found))"
        case .path(let found): return "path: asks for \(match.path.words), found \(text(found))"
        case .method(let found): return "method: asks for \(list(match.methods)), found \(text(found))"
        case .field(let condition, let found): return words("header", condition, found)
        case .query(let condition, let found): return words("query", condition, found)
        case .cookie(let condition, let found): return words("cookie", condition, found)
        case .client(let found):
            return "client: asks for \(list(match.clients.map(\.description))), found \(found)"
        }
    }

    private func words(_ kind: String, _ condition: ValueCondition, _ found: [[UInt8]]) -> String {
        let isHidden = kind == "cookie" || isSensitive(fieldName: condition.name)
        let asked = isHidden && condition.test != .present ? "a value" : condition.words
        let values = isHidden ? "another" : list(found.map(text))
        return "\(kind) \(condition.name): asks for \(asked), found \(found.isEmpty ? "none" : values)"
    }

    private func list(_ words: [String]) -> String { words.joined(separator: " or ") }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
