import Dispatch
import Foundation
import Glibc
import Synchronization

/// Writes lines to a descriptor on a thread of its own, so that nobody waits for whoever should read them.
///
/// Lines keep their order. When `limit` bytes wait to be written, further lines are dropped and counted; how many is told
/// in a line once there is room again.
public final class LineQueue: Sendable {
    /// Standard error, for the log of this process.
    public static let standardError = LineQueue(to: STDERR_FILENO) { count in
        let text = "apus: dropped \(count) \(count == 1 ? "message" : "messages") of the log, which nobody read in time"
        return (Journal.hasStandardError ? Journal.lines(text, .warning) : text) + "\n"
    }

    private struct State {
        var waiting: [[UInt8]] = []
        /// Of those that wait and of what is being written.
        var bytes = 0
        var dropped = 0
        var hasThread = false
    }

    private let state = Mutex(State())
    private let work = DispatchSemaphore(value: 0)
    private let descriptor: Int32
    private let limit: Int
    private let words: @Sendable (Int) -> String

    /// - Parameter words: says, in whole lines, that so many were dropped.
    init(to descriptor: Int32, limit: Int = 1 << 20, words: @escaping @Sendable (Int) -> String) {
        self.descriptor = descriptor
        self.limit = limit
        self.words = words
    }

    /// - Parameter text: one piece of whole lines, which no other piece gets between.
    public func write(_ text: String) {
        let bytes = Array(text.utf8)
        let isNew = state.withLock { state in
            guard state.bytes + bytes.count <= limit else {
                state.dropped += 1
                return false
            }
            state.waiting.append(bytes)
            state.bytes += bytes.count
            defer { state.hasThread = true }
            if !state.hasThread { Thread.detachNewThread { self.writeOn() } }
            return true
        }
        if isNew { work.signal() }
    }

    /// Waits until all is written, for a short time at most: a process that ends does not wait for a reader.
    public func flush(atMost time: Duration = .milliseconds(500)) {
        let end = ContinuousClock.now.advanced(by: time)
        while state.withLock({ $0.bytes > 0 }), ContinuousClock.now < end {
            usleep(1000)
        }
    }

    private func writeOn() {
        while true {
            work.wait()
            let (pieces, bytes) = state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.waiting.reduce(0) { $0 + $1.count })
            }
            for piece in pieces { writeAll(piece) }
            // Told behind what was written before it was dropped.
            let dropped = state.withLock { state in
                guard state.waiting.isEmpty else { return 0 }
                defer { state.dropped = 0 }
                return state.dropped
            }
            if dropped > 0 { writeAll(Array(words(dropped).utf8)) }
            state.withLock { $0.bytes -= bytes }
        }
    }

    private func writeAll(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let rest = bytes[start...]
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                start += count
            } else if count < 0, errno == EAGAIN {
                // Somebody else has made it so.
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&wanted, 1, -1)
            } else if count < 0, errno != EINTR {
                return
            }
        }
    }
}
