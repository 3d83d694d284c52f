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
    /// Writes for which there was no room, ever.
    private let refusals = Atomic<Int>(0)
    /// The bytes that were taken end within a line. The reading thread's own.
    private nonisolated(unsafe) var insideLine = false

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

    /// The last line has been written in part, and the rest of it waits. Only for the reading thread.
    public private(set) var isInsideLine: Bool {
        get { unsafe insideLine }
        set { unsafe insideLine = newValue }
    }

    /// Writes for which there was no room, ever.
    public var refusedWrites: Int { refusals.load(ordering: .relaxed) }

    /// Adds all of `bytes`, or nothing when there is no room. Only for the writing thread.
    public func write(_ bytes: Span<UInt8>) -> Bool {
        let start = written.load(ordering: .relaxed)
        let held = start - taken.load(ordering: .acquiring)
        let count = bytes.count
        guard held + count <= capacity else {
            refusals.add(1, ordering: .relaxed)
            return false
        }
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
    /// stays, and so does what finds no room on a full disk. What is refused for good is thrown away. Only for the reading
    /// thread; what the ring holds must be whole lines.
    ///
    /// A line may be written in parts (`isInsideLine`): the rest of it must come next, before anybody else's lines.
    ///
    /// - Parameter brokenLine: what the descriptor was given ends within a line that nobody completes. A line feed goes before
    ///   anything else then.
    public func drain(to descriptor: Int32, patience: Int32, after brokenLine: inout Bool) -> Drained {
        var drained = Drained()
        // A pipe that is ready takes this much without blocking; a file takes anything.
        let most = apus_is_file(descriptor) != 0 ? capacity : Int(PIPE_BUF)
        while true {
            let start = taken.load(ordering: .relaxed)
            let held = written.load(ordering: .acquiring) - start
            guard held > 0 else { return drained }
            let count = wholeLines(from: start, held, within: most)
            let result =
                apus_wait(descriptor, 1, patience) == 0
                ? -Int(EAGAIN) : write(descriptor, from: start, count, after: &brokenLine)
            if result == -Int(EINTR) { continue }
            // It may take less than it said; asking at once again could go on for ever.
            if result == -Int(EAGAIN) {
                drained.refusal = .unread
                return drained
            }
            guard result <= 0 else {
                drained.tookSome = true
                take(start, result)
                continue
            }
            let errno = result < 0 ? Int32(-result) : EIO
            drained.refusal = Drained.Refusal(errno: errno, keepsLines: Self.isFull(errno))
            if Self.isFull(errno) { return drained }
            // All of a line, also where a part of it was tried: the rest is no line.
            let isWhole = byte(at: start + count - 1) == UInt8(ascii: "\n")
            let all = isWhole ? count : lineCount(from: start, held)
            drained.lost += lineFeeds(from: start, all)
            brokenLine = brokenLine || isInsideLine
            taken.store(start + all, ordering: .releasing)
            isInsideLine = false
        }
    }

    /// There may be room again later.
    private static func isFull(_ errno: Int32) -> Bool { errno == ENOSPC || errno == EDQUOT || errno == EFBIG }

    private func write(_ descriptor: Int32, from start: Int, _ count: Int, after brokenLine: inout Bool) -> Int {
        if brokenLine {
            var lineFeed = UInt8(ascii: "\n")
            let result = unsafe apus_write(descriptor, &lineFeed, 1)
            guard result > 0 else { return Int(result) }
            brokenLine = false
        }
        let offset = start & (capacity - 1)
        let first = min(count, capacity - offset)
        return unsafe Int(apus_write_both(descriptor, base + offset, first, base, count - first))
    }

    private func take(_ start: Int, _ count: Int) {
        isInsideLine = byte(at: start + count - 1) != UInt8(ascii: "\n")
        taken.store(start + count, ordering: .releasing)
    }

    private func byte(at place: Int) -> UInt8 { unsafe (base + (place & (capacity - 1))).load(as: UInt8.self) }

    /// Bytes from `start` on that are whole lines, `most` at most; a part of the first line where that is longer.
    private func wholeLines(from start: Int, _ held: Int, within most: Int) -> Int {
        guard held > most else { return held }
        var count = most
        while count > 0, byte(at: start + count - 1) != UInt8(ascii: "\n") { count -= 1 }
        return count > 0 ? count : most
    }

    /// Throws away what is left of a line that was written in part: where it was to go there is another file now. Only for the
    /// reading thread.
    ///
    /// - Returns: how many lines are lost by it.
    public func dropRestOfLine() -> Int {
        guard isInsideLine else { return 0 }
        let start = taken.load(ordering: .relaxed)
        taken.store(start + lineCount(from: start, held), ordering: .releasing)
        isInsideLine = false
        return 1
    }

    /// Throws everything away. Only for the reading thread, when nobody writes any more.
    ///
    /// - Returns: how many lines that were.
    public func discard() -> Int {
        let start = taken.load(ordering: .relaxed)
        let lines = lineFeeds(from: start, held)
        taken.store(start + held, ordering: .releasing)
        return lines
    }
}

extension ByteRing {
    private func lineFeeds(from start: Int, _ count: Int) -> Int {
        (start..<start + count).count { byte(at: $0) == UInt8(ascii: "\n") }
    }

    /// Sends every line that is there as a datagram, without its line feed and cut to what a datagram holds. What cannot
    /// be sent now stays. Only for the reading thread; what is written must be whole lines.
    public func drainLines(to sender: DatagramSender, patience: Int32) -> Drained {
        var drained = Drained()
        while true {
            let start = taken.load(ordering: .relaxed)
            let held = written.load(ordering: .acquiring) - start
            guard held > 0 else { return drained }
            let count = lineCount(from: start, held)
            copy(from: start, min(count - 1, DatagramSender.capacity), to: sender)
            var lost = 0
            let outcome = sender.send(min(count - 1, DatagramSender.capacity), patience: patience, lost: &lost)
            if lost > 0 { drained.lose(lost, ECONNREFUSED) }
            switch outcome {
            case .sent: drained.tookSome = true
            case .lost: drained.lose(1, EMSGSIZE)
            case .unable(let errno):
                drained.refusal = Drained.Refusal(errno: errno, keepsLines: true)
                return drained
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

/// Puts a file that was opened (see `openLog`) behind a descriptor that is in use, and closes what it was opened as.
public func exchangeLog(behind descriptor: Int32, for file: Int32) {
    while case let result = apus_replace(descriptor, file), result == -EINTR || result == -EBUSY {}
    _ = close(file)
}

/// Whether a file that is appended to ends within a line; false for all else, and where it cannot be read.
public func endsInsideLine(_ descriptor: Int32) -> Bool { apus_ends_inside_line(descriptor) != 0 }

extension Drained {
    fileprivate mutating func lose(_ lines: Int, _ errno: Int32) {
        lost += lines
        refusal = Refusal(errno: errno, keepsLines: false)
    }
}
