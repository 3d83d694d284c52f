/// Gives each part of a task that runs between two suspensions a thread of its own: for tests that block and await by
/// turns. They neither take the threads that run the other tests, nor wait for one while those block.
public final class OwnThread: TaskExecutor {
    public init() {}

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        onThread { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
