import ApusModel
import ApusProcess

/// A process may have fewer files open than it needs to serve. Nothing was bound.
public struct TooFewDescriptors: Error, Equatable, CustomStringConvertible {
    public let limit: Int
    public let needed: Int

    public var description: String {
        "this process may have \(limit) files open at once, and needs at least \(needed) for what is configured"
    }
}

extension LoadBalancer {
    /// How its file descriptors are shared out.
    var descriptors: DescriptorBudget { DescriptorBudget(limit: OpenFiles.limit ?? .max, workers: snapshot.workers) }

    /// Throws when the process may not have as many files open as it needs. `run` and `runUntilSignalled` ask it as well; a
    /// program that asks before it has threads learns the number most exactly.
    ///
    /// What runs out of descriptors in the middle of its beginning ends in many ways.
    public func checkDescriptors() throws(TooFewDescriptors) { try checkDescriptors(takesSignals: true) }

    /// - Parameter takesSignals: what delivers timers and signals is still to be made.
    func checkDescriptors(takesSignals: Bool) throws(TooFewDescriptors) {
        // Counted once: later its own files would count as well.
        guard !hasDescriptors.isOpen else { return }
        let limit = descriptors.limit
        let needed = neededDescriptors(besides: Self.manyOpen, takesSignals)
        guard limit < needed else { return hasDescriptors.open() }
        let exactly = neededDescriptors(besides: OpenFiles.count(below: min(limit, 1 << 16)), takesSignals)
        guard limit < exactly else { return hasDescriptors.open() }
        throw TooFewDescriptors(limit: limit, needed: exactly)
    }

    /// More than a process has open when it begins. Where there is room for so many, they are not counted one by one.
    private static let manyOpen = 256

    private func neededDescriptors(besides open: Int, _ takesSignals: Bool) -> Int {
        let handed = surroundings?.sockets.count ?? 0
        return DescriptorBudget.needed(
            open: open, takesSignals: takesSignals, workers: snapshot.workers,
            sockets: max(0, snapshot.listeners.count * snapshot.workers - handed),
            adminListeners: snapshot.operations.admin.count, logs: snapshot.accessLog.destination == nil ? 0 : 1)
    }
}
