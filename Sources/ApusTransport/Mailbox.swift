import CApusSystem
import Synchronization

/// Messages for one event loop from other threads, with a descriptor that wakes it.
///
/// Made for rare things (an endpoint went down, the configuration changed, stop): posting takes a lock for a moment
/// and makes one system call. Nothing on the request path posts.
public final class Mailbox<Message: Sendable>: Sendable {
    /// Readable while messages wait.
    public let descriptor: Int32
    private let messages = Mutex<[Message]>([])

    public init() throws(SystemError) {
        let result = apus_eventfd()
        guard result >= 0 else { throw SystemError(call: "eventfd", errno: -result) }
        descriptor = result
    }

    deinit { _ = close(descriptor) }

    /// Adds a message and wakes the loop. From any thread.
    public func post(_ message: Message) {
        messages.withLock { $0.append(message) }
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// Takes all messages, in the order in which they were posted. Only for the loop that owns the box.
    public func takeAll() -> [Message] {
        var ignored: UInt64 = 0
        _ = unsafe read(descriptor, &ignored, 8)
        return messages.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}
