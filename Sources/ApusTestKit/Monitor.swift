internal import Glibc

/// A value shared between a script's threads and a test, with waiting for what it becomes.
@safe
public final class Monitor<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    public init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe changed = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        unsafe pthread_condattr_init(&attributes)
        unsafe pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        unsafe pthread_cond_init(changed, &attributes)
    }

    deinit {
        unsafe pthread_cond_destroy(changed)
        unsafe pthread_mutex_destroy(mutex)
        unsafe changed.deallocate()
        unsafe mutex.deallocate()
    }

    /// Reads or changes the value, and wakes everyone who waits for a change.
    @discardableResult
    public func with<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer {
            unsafe pthread_cond_broadcast(changed)
            unsafe pthread_mutex_unlock(mutex)
        }
        return try body(&value)
    }

    /// The value as it is now.
    public var current: Value {
        with { $0 }
    }

    /// Waits until `condition` holds and returns the value of that moment.
    @discardableResult
    public func wait(
        for what: String, by deadline: Deadline = .standard, until condition: (Value) throws -> Bool
    ) throws -> Value {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while try !condition(value) {
            guard !deadline.hasPassed else { throw KitError.timedOut("waiting for \(what); last seen: \(value)") }
            if let remaining = deadline.remaining {
                var moment = timespec()
                unsafe clock_gettime(CLOCK_MONOTONIC, &moment)
                let (seconds, attoseconds) = remaining.components
                let nanoseconds = moment.tv_nsec + Int(attoseconds / 1_000_000_000)
                moment.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
                moment.tv_nsec = nanoseconds % 1_000_000_000
                unsafe pthread_cond_timedwait(changed, mutex, &moment)
            } else {
                unsafe pthread_cond_wait(changed, mutex)
            }
        }
        return value
    }
}

/// A door that is opened once: a script waits at it until the test lets it pass, or the other way round.
public final class Gate: Sendable {
    private let isOpen = Monitor(false)

    public init() {}

    public func open() { isOpen.with { $0 = true } }

    public func pass(by deadline: Deadline = .standard) throws {
        try isOpen.wait(for: "a gate to open", by: deadline) { $0 }
    }
}
