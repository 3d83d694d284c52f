import CApusSystem
import Synchronization

/// A ring of bytes from one thread to another: the writer never waits, the reader writes them to a descriptor.
@safe
public final class ByteRing: Sendable {
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer
    private let capacity: Int
    /// Bytes ever written and ever taken; their difference is what the ring holds.
    private let written = Atomic<Int>(0)
    private let taken = Atomic<Int>(0)
    private let onHalfFull: @Sendable () -> Void

    /// - Parameters:
    ///   - capacity: bytes; a power of two.
    ///   - onHalfFull: called by the writer when the ring becomes half full, so that the reader need not wait.
    public init(capacity: Int, onHalfFull: @escaping @Sendable () -> Void) {
        precondition(capacity & (capacity - 1) == 0)
        self.capacity = capacity
        self.onHalfFull = onHalfFull
        unsafe base = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit { unsafe base.deallocate() }

    /// Adds all of `bytes`, or nothing when there is no room. Only for the writing thread.
    public func write(_ bytes: Span<UInt8>) -> Bool {
        let start = written.load(ordering: .relaxed)
        let held = start - taken.load(ordering: .acquiring)
        let count = bytes.count
        guard held + count <= capacity else { return false }
        unsafe bytes.withUnsafeBytes { source in
            guard let source = source.baseAddress else { return }
            let offset = start & (capacity - 1)
            let first = min(count, capacity - offset)
            unsafe (base + offset).copyMemory(from: source, byteCount: first)
            unsafe base.copyMemory(from: source + first, byteCount: count - first)
        }
        written.store(start + count, ordering: .releasing)
        if held < capacity / 2, held + count >= capacity / 2 { onHalfFull() }
        return true
    }

    /// Writes everything to `descriptor`, or what it takes: when it takes nothing for `patience` milliseconds the rest
    /// stays. What it refuses for good is thrown away. Only for the reading thread.
    public func drain(to descriptor: Int32, patience: Int32) {
        // A pipe that is ready takes this much without blocking; a file takes anything.
        let most = apus_is_file(descriptor) != 0 ? capacity : Int(PIPE_BUF)
        while true {
            let start = taken.load(ordering: .relaxed)
            let held = written.load(ordering: .acquiring) - start
            guard held > 0, apus_wait(descriptor, 1, patience) != 0 else { return }
            let offset = start & (capacity - 1)
            let count = min(held, capacity - offset, most)
            let result = unsafe apus_write(descriptor, base + offset, count)
            if result == -Int(EINTR) || result == -Int(EAGAIN) { continue }
            taken.store(start + (result > 0 ? Int(result) : count), ordering: .releasing)
        }
    }
}

/// Blocks until `descriptor` has something to read, or `milliseconds` have passed.
public func waitUntilReadable(_ descriptor: Int32, milliseconds: Int32) {
    _ = apus_wait(descriptor, 0, milliseconds)
}

/// Opens a file to append to, making it where it is missing; minus the errno when that fails.
public func openLog(_ path: String) -> Int32 {
    unsafe path.withCString { unsafe apus_open_log($0) }
}
