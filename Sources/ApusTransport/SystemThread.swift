import CApusSystem

/// A thread of the operating system: one per worker, outside Swift's own pools, because it blocks in its poller.
@safe
public struct SystemThread: Sendable {
    private let thread: pthread_t

    private final class Body {
        let name: String
        let run: @Sendable () -> Void

        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread that runs `body`; `name` (15 bytes at most) shows in process listings.
    public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        var thread = pthread_t()
        let context = unsafe Unmanaged.passRetained(Body(name: name, run: body)).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                guard let context = unsafe context else { return nil }
                let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                unsafe body.name.withCString { unsafe apus_begin_thread($0) }
                body.run()
                return nil
            }, context)
        guard result == 0 else {
            unsafe Unmanaged<Body>.fromOpaque(context).release()
            throw SystemError(call: "pthread_create", errno: result)
        }
        self.thread = thread
    }

    /// Blocks until the thread has ended. Call once.
    public func join() { _ = pthread_join(thread, nil) }
}
