import ApusExchange
import ApusHTTP
import ApusTransport

/// The paths that templates are filled from.
extension Proxy {
    /// Where the path is that templates see: the normal form, in a block of its own if what came is another.
    ///
    /// - Returns: nil without memory. What it holds is to be given back (`release`).
    mutating func templatePath(
        _ x: Int, _ hand: inout RequestInHand, _ arena: inout BufferArena
    ) -> Stretch? {
        let path = hand.head.target.path.moved(by: Int(hand.place.start))
        let listener = exchanges[x].listener
        guard settings.rules.normalizesPath(of: &hand, arena.bytes(of: hand.place), listener: listener) else {
            return Stretch(hand.place.handle, path)
        }
        guard let block = borrow(path.count, for: exchanges[x].client, &arena) else {
            return nil
        }
        arena.copy(from: hand.place.handle, path, to: block, at: 0)
        var copy = arena.mutableBytes(block, 0..<path.count)
        // It has been normalized before, when its route was looked for.
        let count = (try? PathNormalization.normalize(&copy)) ?? path.count
        return Stretch(block, 0..<count)
    }

    mutating func release(_ path: Stretch, of hand: inout RequestInHand, _ arena: inout BufferArena) {
        if path.handle != hand.place.handle { arena.giveBack(path.handle) }
    }
}
