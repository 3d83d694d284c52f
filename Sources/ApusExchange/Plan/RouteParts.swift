public import ApusHTTP
public import ApusModel
import ApusRouting

/// What routes refer to by number.
public struct RouteParts: Sendable {
    public struct Branch: BitwiseCopyable, Sendable {
        public let pool: Int
        /// The weights up to and with this one's.
        public let end: Int
    }

    public internal(set) var templates = TemplateTable()
    public private(set) var branches: [Branch] = []
    public private(set) var splitKeys: [HeadKey] = []
    /// In lower case.
    public private(set) var names: [[UInt8]] = []
    public private(set) var crossOrigins: [CrossOriginPolicy] = []
    public private(set) var clientRequirements: [ClientRequirement] = []

    public init() {}

    /// - Returns: where they stand, how many there are (0 where there is no choice), and the sum of their weights.
    mutating func add(branches pools: [WeightedPool]) -> (Int32, Int32, Int) {
        let first = Int32(branches.count)
        guard pools.count > 1 else { return (first, 0, 0) }
        var end = 0
        for branch in pools {
            end += max(0, branch.weight)
            branches.append(Branch(pool: branch.pool, end: end))
        }
        return (first, Int32(pools.count), end)
    }

    mutating func add(_ key: HashRules.Key) -> Int32 {
        splitKeys.append(HeadKey(key))
        return Int32(splitKeys.count - 1)
    }

    mutating func add(_ rules: CrossOriginRules) -> Int32 {
        crossOrigins.append(CrossOriginPolicy(rules))
        return Int32(crossOrigins.count - 1)
    }

    mutating func add(_ requirement: ClientRequirement) -> Int32 {
        clientRequirements.append(requirement)
        return Int32(clientRequirements.count - 1)
    }

    /// The fields that the edits remove or replace, and `others`, which are in lower case.
    mutating func add(namesLeftOut edits: [FieldEdit], _ others: [String] = []) -> RouteSettings.NameRange {
        let start = Int32(names.count)
        for edit in edits where edit.replaces { names.append(Array(edit.name.lowercased().utf8)) }
        for name in others { names.append(Array(name.utf8)) }
        return RouteSettings.NameRange(start: start, end: Int32(names.count))
    }

    /// Has those fields left out of a head, under whatever name folds into one of them.
    ///
    /// - Parameter bytes: those that `fields` was parsed from.
    public func drop(_ range: RouteSettings.NameRange, from fields: inout FieldTable, in bytes: Span<UInt8>) {
        for index in range.range {
            let name = names[index]
            fields.drop(name.span, in: bytes)
        }
    }
}
