import ApusHTTP
import ApusModel
import ApusTestKit

@testable import ApusConfig

/// What became of a request as far as its route decides it, however that was found out.
///
/// As text it is what the tables of the tests say: `v1: api gets GET /x?q at a`, `old: 308 to /new`, `gone: 410 "text"`,
/// `none: 404 no_route`; behind that the header fields that the route changes.
struct Outcome: CustomStringConvertible {
    enum Answer: Equatable {
        case forwarded(method: String, target: String, host: String)
        case redirect(status: Int, location: String)
        case response(status: Int, body: String)
        case refused(status: Int, reason: String)
    }

    /// The name of the route; `none` where none was taken.
    var route: String
    /// Those that the request may have gone to.
    var pools: Set<String> = []
    var answer: Answer
    /// The values of the fields that the route changes, by name in lower case: as the origin, and as the client gets them.
    var requestFields: [String: [String]] = [:]
    var responseFields: [String: [String]] = [:]

    var description: String {
        let answer =
            switch answer {
            case .forwarded(let method, let target, let host):
                "\(pools.sorted().joined(separator: "|")) gets \(method) \(target) at \(host)"
            case .redirect(let status, let location): "\(status) to \(location)"
            case .response(let status, let body): "\(status) \(body)"
            case .refused(let status, let reason): "\(status) \(reason)"
            }
        let fields = [(">", requestFields), ("<", responseFields)].flatMap { sign, fields in
            fields.sorted { $0.key < $1.key }.map { " \(sign) \($0.key)=\($0.value.joined(separator: "+"))" }
        }
        return "\(route): \(answer)\(fields.joined())"
    }

    /// Whether what was `seen` is what this says: of several pools the request went to one.
    func allows(_ seen: Outcome) -> Bool {
        var one = self
        if seen.pools.isSubset(of: pools) { one.pools = seen.pools }
        return one.description == seen.description
    }
}

// MARK: - As `apus explain` tells it

extension Outcome {
    /// What the origins of these tests say in every response.
    static let originFields = ["x-origin": ["1"]]

    init(_ explanation: RequestExplanation, of request: DescribedRequest) {
        route = explanation.route ?? "none"
        pools = Set(explanation.pools.filter { $0.share > 0 }.map(\.name))
        var came = Self.originFields
        switch explanation.outcome {
        case .refused(let status, let reason):
            answer = .refused(status: status, reason: reason)
            return
        case .noHandshake:
            answer = .refused(status: 0, reason: "no_handshake")
            return
        case .noRoute:
            answer = .refused(status: 404, reason: "no_route")
            return
        case .redirect(let status, let location):
            answer = .redirect(status: status, location: location)
            came = [:]
        case .respond(let status, let body):
            answer = .response(status: status, body: request.method == "HEAD" ? "none" : body)
            came = [:]
        case .forward:
            let forwarded = explanation.forwarded
            answer = .forwarded(
                method: forwarded?.method ?? "", target: forwarded?.path ?? "", host: forwarded?.host ?? "")
            let sent = Dictionary(grouping: request.headers) { $0.name.lowercased() }.mapValues { $0.map(\.value) }
            requestFields = Self.changed(sent, by: forwarded?.edits ?? [])
        }
        responseFields = Self.changed(came, by: explanation.responseEdits)
    }

    /// What the documentation says of edits: what is removed and replaced goes first, what is set and added comes behind.
    private static func changed(
        _ fields: [String: [String]], by edits: [RequestExplanation.Edit]
    ) -> [String: [String]] {
        Dictionary(grouping: edits) { $0.name.lowercased() }.reduce(into: [:]) { changed, entry in
            let isReplaced = entry.value.contains { $0.action != "add" }
            changed[entry.key] = (isReplaced ? [] : fields[entry.key] ?? []) + entry.value.compactMap(\.value)
        }
    }
}
