public import ApusHTTP
import ApusRouting

/// Which of the fields that clients send are left out of what is forwarded, because of their names.
///
/// Fields that say who the client is or what it asked for go on from trusted proxies only. Names are compared folded: a
/// character that is not a letter or digit stands for any other such character.
public struct ClientFields: Sendable, Equatable {
    /// Names that count among those fields, besides the usual ones.
    public var removed: [String]
    /// Usual ones that do not count among them.
    public var kept: [String]
    /// Whether names with underscores are forwarded; those that could be taken for a field that is understood never are.
    public var keepsUnderscores: Bool
    /// Whether Via tells origins that a request came through Apus.
    public var saysVia = false

    public init(removed: [String] = [], kept: [String] = [], keepsUnderscores: Bool = false) {
        self.removed = removed
        self.kept = kept
        self.keepsUnderscores = keepsUnderscores
    }
}

extension Snapshot {
    /// What becomes of clients' fields because of their names.
    public var clientFieldRules: ClientFieldRules {
        ClientFieldRules(
            removed: clientFields.removed, kept: clientFields.kept, watched: namedFields,
            keepsUnderscores: clientFields.keepsUnderscores)
    }

    /// The names of fields that routes and pools look at or write.
    public var namedFields: [String] {
        var names = routing.namedFields
        // Copying a pool copies everything in it.
        for index in pools.indices {
            if case .header(let name) = pools[index].hash.key { names.insert(name) }
            if let name = pools[index].concurrency?.priorityHeader { names.insert(name) }
        }
        return names.sorted()
    }
}

extension Routing {
    /// The names of fields that routes look at or write.
    static func namedFields(of routes: [Route]) -> Set<String> {
        var names: Set<String> = []
        for index in routes.indices {
            for condition in routes[index].match.fields { names.insert(condition.name) }
            for edit in routes[index].requestFields { names.insert(edit.name) }
            if case .forward(let split) = routes[index].action, case .header(let name) = split.key {
                names.insert(name)
            }
        }
        return names
    }
}
