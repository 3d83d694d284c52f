/// Where the things of one kind are found after a reload: indices of the old snapshot and of the new one.
public struct Renaming: Sendable, Equatable {
    /// By old index: the new one; nil for what is gone.
    public let toNew: [Int?]
    /// By new index: the old one; nil for what is new.
    public let toOld: [Int?]
    /// The things between the first and the last that came, went or changed places, as they were and as they are: those
    /// before and behind them are the same, in the same order.
    public let changedOld: Range<Int>
    public let changedNew: Range<Int>

    /// - Parameter toOld: names no old index twice.
    public init(oldCount: Int, toOld: [Int?]) {
        let shorter = min(oldCount, toOld.count)
        var before = 0
        while before < shorter, toOld[before] == before { before += 1 }
        var behind = 0
        while behind < shorter - before, toOld[toOld.count - 1 - behind] == oldCount - 1 - behind { behind += 1 }
        if before == oldCount, before == toOld.count {
            toNew = toOld
        } else {
            var toNew = [Int?](repeating: nil, count: oldCount)
            for new in toOld.indices {
                if let old = toOld[new] { toNew[old] = new }
            }
            self.toNew = toNew
        }
        self.toOld = toOld
        changedOld = before..<oldCount - behind
        changedNew = before..<toOld.count - behind
    }

    /// All things stay where they are.
    public init(identityOf count: Int) {
        toNew = (0..<count).map { Int?($0) }
        toOld = toNew
        changedOld = count..<count
        changedNew = count..<count
    }

    /// Whether nothing has come, gone or moved.
    public var isIdentity: Bool { changedOld.isEmpty && changedNew.isEmpty }

    /// Whether nothing has come or moved, and only the last have gone.
    public var losesOnlyTheLast: Bool { changedNew.isEmpty && changedOld.upperBound == toNew.count }

    /// Brings what is kept of each thing, in the order of the things, to where they are now: only what is between the first
    /// and the last change is looked at, the rest is moved.
    ///
    /// - Parameter make: what is kept of a thing that is new, by its new index; asked in ascending order.
    public func carry<Element>(_ elements: inout [Element], orNew make: (Int) throws -> Element) rethrows {
        guard !isIdentity else { return }
        let changed = try changedNew.map { new in
            if let old = toOld[new] { elements[old] } else { try make(new) }
        }
        elements.replaceSubrange(changedOld, with: changed)
    }
}
