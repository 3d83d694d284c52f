import Synchronization

/// A bound on bytes that many requests share.
final class AdminMemory: Sendable {
    private let left: Mutex<Int>
    private let bytes: Int

    init(bytes: Int) {
        self.bytes = bytes
        left = Mutex(bytes)
    }

    /// What one request holds; given back when the lease goes.
    final class Lease: Sendable {
        private let memory: AdminMemory
        private let held = Mutex(0)

        fileprivate init(_ memory: AdminMemory) { self.memory = memory }

        /// Takes more; false when that much is not left. The only one that holds anything always gets it.
        func take(_ count: Int) -> Bool {
            let mine = held.withLock { $0 }
            let isTaken = memory.left.withLock { left in
                guard left >= count || left + mine >= memory.bytes else { return false }
                left -= count
                return true
            }
            if isTaken { held.withLock { $0 += count } }
            return isTaken
        }

        deinit {
            let held = held.withLock { $0 }
            memory.left.withLock { $0 += held }
        }
    }

    func lease() -> Lease { Lease(self) }
}
