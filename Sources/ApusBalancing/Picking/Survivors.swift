internal import ApusModel

/// The endpoints of a pool that were in it before a reload and still are: by their indices within the pool, then and now.
///
/// Those that are retired are none of them, and neither is one that was retired and has been added again: what was known
/// of it is old.
@usableFromInline
struct Survivors: Sendable {
    /// By index now: the index then; -1 for one that is new.
    let toOld: [Int32]
    /// By index then: the index now; -1 for one that is gone.
    let toNew: [Int32]
    /// Whether nobody has come, gone or moved.
    let isIdentity: Bool

    /// - Parameters:
    ///   - before: how many endpoints the pool had, without those that were retired then.
    ///   - present: how many it has, without those that are retired now.
    init(_ members: Renaming, before: Int, present: Int) {
        var toNew = [Int32](repeating: -1, count: before)
        var isIdentity = before == present
        toOld = (0..<present).map { index in
            guard let old = members.toOld[index], old < before else {
                isIdentity = false
                return -1
            }
            toNew[old] = Int32(index)
            if old != index { isIdentity = false }
            return Int32(old)
        }
        self.toNew = toNew
        self.isIdentity = isIdentity
    }

    /// What there is now of something that was kept for each endpoint.
    func renamed<Element>(_ old: [Element], else new: @autoclosure () -> Element) -> [Element] {
        toOld.map { $0 < 0 ? new() : old[Int($0)] }
    }
}
