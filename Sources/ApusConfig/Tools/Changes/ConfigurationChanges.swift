public import ApusModel

/// What would change if one configuration took over from another: the answer of `apus diff` and of a dry run, and the log
/// line of a reload.
///
/// Things are the same by what `Succession` tells them apart by: a listener by its address, a pool by its name, an
/// endpoint by its pool and address. A route that is written differently is told as one that changed where its listener
/// and name say that it is the same. What is retired on either side is not there. Secrets are compared and never shown.
/// Cost: nearly linear in both.
public struct ConfigurationChanges: Sendable, Equatable {
    /// Listeners with their routes, then pools with their endpoints, then what is said once for all.
    public let changes: [ConfigurationChange]

    public init(from old: Snapshot, to new: Snapshot) {
        changes =
            ListenerComparison(old, new).changes + PoolComparison(old, new).changes + Self.settings(old, new)
    }

    private init(_ changes: [ConfigurationChange]) { self.changes = changes }

    /// The same, without the values of variables.
    public func masked(by mask: VariableMask) -> ConfigurationChanges {
        ConfigurationChanges(
            changes.map { change in
                var change = change
                change.name = mask.masked(change.name)
                change.details = change.details.map(mask.masked)
                return change
            })
    }

    public var isEmpty: Bool { changes.isEmpty }

    /// One line for each change.
    public var lines: [String] { changes.map(\.line) }

    /// Those that a reload leaves as they are, until a new process takes over.
    public var needingUpgrade: [ConfigurationChange] { changes.filter(\.needsUpgrade) }

    /// One line: `1 listener added, 2 routes changed, 3 endpoints removed`; `nothing changes`.
    public var summary: String {
        if isEmpty { return "nothing changes" }
        let counts = ConfigurationChange.Subject.allCases.flatMap { subject in
            [ConfigurationChange.Kind.added, .removed, .changed, .moved].compactMap { kind -> String? in
                let these = changes.filter { $0.subject == subject && $0.kind == kind }
                // What changes about a listener is told by its effects, in several changes.
                let count = subject == .listener ? Set(these.map(\.name)).count : these.count
                return count == 0 ? nil : "\(count) \(subject.rawValue)\(count == 1 ? "" : "s") \(kind.rawValue)"
            }
        }
        let upgrade = needingUpgrade.map(\.name)
        let note = upgrade.isEmpty ? "" : " (\(upgrade.joined(separator: ", ")): at the next upgrade)"
        return counts.joined(separator: ", ") + note
    }

    private static func settings(_ old: Snapshot, _ new: Snapshot) -> [ConfigurationChange] {
        Settings(old).changes(to: Settings(new)).map { change in
            let need = KeyChange(of: change.key)
            let remedy: String? =
                switch need {
                case .reload: nil
                case .upgrade: "an upgrade"
                case .restart: "a restart"
                }
            return ConfigurationChange(
                kind: .changed, subject: .setting, name: change.key, details: [change.words],
                effect: remedy.map { "a reload leaves it as it is: it takes \($0)" },
                needsUpgrade: need == .upgrade)
        }
    }
}
