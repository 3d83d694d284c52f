import ApusAddresses
public import ApusModel
import ApusRouting

extension Settings {
    /// What holds for `owner`, key by key; what is the default is usual.
    ///
    /// - Parameters:
    ///   - keys: those that are told.
    ///   - short: the key whose value may be written instead of the whole section; it is told as the section itself.
    init<Owner: Keyed>(_ owner: Owner, _ keys: [SectionKey<Owner>] = Owner.keys, short: String? = nil) {
        for key in keys {
            guard let value = key.told(owner) else { continue }
            if key.name == short {
                insert(Entry(key: "", value: value, isUsual: false), at: 0)
            } else {
                append(Entry(key: key.name, value: value, isUsual: Self.isUsual(value, key, owner)))
            }
        }
    }

    /// The rules of a pool; its endpoints are things of their own.
    init(_ pool: Pool, of snapshot: Snapshot) { self.init(PoolSection(pool, of: snapshot)) }

    /// What a route asks of requests, and what it does with them.
    public init(_ route: Route, of snapshot: Snapshot) { self.init(RouteSection(route, of: snapshot)) }

    /// What a route asks of requests.
    init(_ match: RouteMatch) { self.init(RouteSection(match), RouteSection.keysOfConditions) }

    /// What is said once for the whole configuration.
    init(_ snapshot: Snapshot) {
        self.init(RootSection(snapshot))
        for admin in snapshot.operations.admin {
            for entry in Settings(AdminSection(admin)).entries where entry.key != "bind" {
                append(Entry(key: "admin(\(admin.bind)).\(entry.key)", value: entry.value, isUsual: entry.isUsual))
            }
        }
    }

    private static func isUsual<Owner: Keyed>(_ value: Value, _ key: SectionKey<Owner>, _ owner: Owner) -> Bool {
        if let isDefault = key.isDefault { return isDefault(owner) }
        if key.example != nil { return false }
        let usual = key.told(Owner.usual)
        if case .section(let section) = value {
            // One that is off unless it is written is unusual even with every default.
            if case .word = usual { return false }
            return section.isUsual
        }
        return value == usual || key.usually.map { value == .word($0) } == true
    }
}

extension KeyChange {
    /// What has to happen until a change of the setting at `path` has an effect: `state.directory`.
    init(of path: String) {
        var keys = RootSection.keys.map(\.described)
        var change = KeyChange.reload
        for part in path.split(separator: ".") {
            guard let key = keys.first(where: { $0.name == part }) else { break }
            change = key.change
            keys = key.shape.keys
        }
        self = change
    }
}

extension Shape {
    /// The keys of the mapping that this is, or may be.
    var keys: [KeyDescription] {
        switch self {
        case .section(let keys): keys
        case .either(let shapes): shapes.flatMap(\.keys)
        case .list(let item): item.keys
        default: []
        }
    }
}
