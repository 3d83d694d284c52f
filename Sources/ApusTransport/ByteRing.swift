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

    /// Bytes that wait to be taken. Only for the reading thread.
    public var held: Int { written.load(ordering: .acquiring) - taken.load(ordering: .relaxed) }

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
    /// stays. What it refuses for good, on a full disk, is thrown away. Only for the reading thread.
    ///
    /// - Returns: how many lines were thrown away.
    public func drain(to descriptor: Int32, patience: Int32) -> Int {
        var lost = 0
        // A pipe that is ready takes this much without blocking; a file takes anything.
        let most = apus_is_file(descriptor) != 0 ? capacity : Int(PIPE_BUF)
        while true {
            let start = taken.load(ordering: .relaxed)
            let held = written.load(ordering: .acquiring) - start
            guard held > 0, apus_wait(descriptor, 1, patience) != 0 else { return lost }
            let offset = start & (capacity - 1)
            let count = min(held, capacity - offset, most)
            let result = unsafe apus_write(descriptor, base + offset, count)
            if result == -Int(EINTR) { continue }
            // It takes less than it said; asking at once again could go on for ever.
            if result == -Int(EAGAIN) { return lost }
            if result <= 0 { lost += lineFeeds(from: offset, count) }
            taken.store(start + (result > 0 ? Int(result) : count), ordering: .releasing)
        }
    }
}

extension ByteRing {
    private func lineFeeds(from offset: Int, _ count: Int) -> Int {
        let lineFeed = UInt8(ascii: "\n")
        return (offset..<offset + count).count { unsafe (base + $0).load(as: UInt8.self) == lineFeed }
    }

    /// Sends every line that is there as a datagram, without its line feed and cut to what a datagram holds. What cannot
    /// be sent now stays. Only for the reading thread; what is written must be whole lines.
    ///
    /// - Returns: how many lines were lost.
    public func drainLines(to sender: DatagramSender, patience: Int32) -> Int {
        var lost = 0
        while true {
            let start = taken.load(ordering: .relaxed)
            let held = written.load(ordering: .acquiring) - start
            guard held > 0 else { return lost }
            let count = lineCount(from: start, held)
            copy(from: start, min(count - 1, DatagramSender.capacity), to: sender)
            switch sender.send(min(count - 1, DatagramSender.capacity), patience: patience, lost: &lost) {
            case .sent: break
            case .lost: lost += 1
            case .unable: return lost
            }
            taken.store(start + count, ordering: .releasing)
        }
    }

    /// Bytes of the first line, its line feed included.
    private func lineCount(from start: Int, _ held: Int) -> Int {
        let lineFeed = UInt8(ascii: "\n")
        for count in 0..<held where unsafe (base + ((start + count) & (capacity - 1))).load(as: UInt8.self) == lineFeed
        {
            return count + 1
        }
        return held
    }

    private func copy(from start: Int, _ count: Int, to sender: DatagramSender) {
        let offset = start & (capacity - 1)
        let first = min(count, capacity - offset)
        unsafe sender.buffer.copyMemory(from: base + offset, byteCount: first)
        unsafe (sender.buffer + first).copyMemory(from: base, byteCount: count - first)
    }
}

/// Blocks until `descriptor` has something to read, or `milliseconds` have passed.
public func waitUntilReadable(_ descriptor: Int32, milliseconds: Int32) {
    _ = apus_wait(descriptor, 0, milliseconds)
}

/// Opens a file to append to, making it where it is missing; minus the errno when that fails. Never waits for the reader
/// of a pipe.
///
/// - Parameter followsLinks: false for a path at which only a plain file may stand.
public func openLog(_ path: String, followsLinks: Bool = true) -> Int32 {
    unsafe path.withCString { unsafe apus_open_log($0, followsLinks ? 1 : 0) }
}

/// Opens the file at `path` anew (see `openLog`) behind a descriptor that is in use: what is written from then on goes
/// there, and nothing in between is lost.
///
/// - Returns: 0, or minus the errno when it cannot be opened; the old file stays then.
public func reopenLog(_ path: String, followsLinks: Bool = true, behind descriptor: Int32) -> Int32 {
    let file = openLog(path, followsLinks: followsLinks)
    guard file >= 0 else { return file }
    defer { _ = close(file) }
    return apus_replace(descriptor, file)
}
