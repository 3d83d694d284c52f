import Dispatch
import Synchronization

/// What `body` gives, if it does so in time; it ends on a thread of its own if it does not.
func within<Value: Sendable>(_ time: Duration, _ body: @escaping @Sendable () -> Value) -> Value? {
    let answer = Answer<Value>()
    let isThere = DispatchSemaphore(value: 0)
    DispatchQueue(label: "apus.within").async {
        answer.value.withLock { $0 = body() }
        isThere.signal()
    }
    let (seconds, attoseconds) = time.components
    let deadline = DispatchTime.now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    guard isThere.wait(timeout: deadline) == .success else { return nil }
    return answer.value.withLock { $0 }
}

private final class Answer<Value: Sendable>: Sendable {
    let value = Mutex<Value?>(nil)
}
