/// Where the things of one kind are found after a reload: indices of the old snapshot and of the new one.
public struct Renaming: Sendable, Equatable {
    /// By old index: the new one; nil for what is gone.
    public let toNew: [Int?]
    /// By new index: the old one; nil for what is new.
    public let toOld: [Int?]

    /// - Parameter toOld: names no old index twice.
    public init(oldCount: Int, toOld: [Int?]) {
        var toNew = [Int?](repeating: nil, count: oldCount)
        for (new, old) in toOld.enumerated() {
            if let old { toNew[old] = new }
        }
        self.toNew = toNew
        self.toOld = toOld
    }

    /// Whether nothing has come, gone or moved.
    public var isIdentity: Bool {
        toNew.count == toOld.count && toOld.enumerated().allSatisfy { $0.offset == $0.element }
    }
}
