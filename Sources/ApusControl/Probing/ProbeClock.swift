import ApusBalancing
import NIOCore

/// The time that an endpoint has for a probe: the check's timeout, without the time in which this process was too busy to look
/// at what had come.
///
/// The time is counted in slices. One that ended late says that the event loop did not turn: what came meanwhile is looked at
/// first, and the slice is counted again. A loop that is late again and again ends the probe as `late`, which says nothing
/// about the endpoint.
struct ProbeClock {
    private static let slices = 8
    /// Slices that may be late before the probe is.
    private static let patience = 4 * slices

    private let eventLoop: any EventLoop
    private let verdict: EventLoopPromise<CheckFailure?>
    private let connecting: EventLoopFuture<any Channel>
    private let slice: TimeAmount
    /// A slice that ends so much too late does not count.
    private let bearable: TimeAmount

    /// Starts the clock; on the event loop.
    static func start(
        _ timeout: TimeAmount, on eventLoop: any EventLoop, _ verdict: EventLoopPromise<CheckFailure?>,
        connecting: EventLoopFuture<any Channel>
    ) {
        let slice = TimeAmount.nanoseconds(max(1, timeout.nanoseconds / Int64(slices)))
        let clock = ProbeClock(
            eventLoop: eventLoop, verdict: verdict, connecting: connecting, slice: slice,
            bearable: max(.milliseconds(5), .nanoseconds(slice.nanoseconds / 4)))
        clock.count(left: slices, late: 0)
    }

    private func count(left: Int, late: Int) {
        let due = NIODeadline.now() + slice
        let timer = eventLoop.scheduleTask(deadline: due) {
            guard NIODeadline.now() - due > bearable else {
                guard left > 1 else { return end() }
                return count(left: left - 1, late: late)
            }
            guard late < Self.patience else { return verdict.succeed(.late) }
            count(left: left, late: late + 1)
        }
        verdict.futureResult.whenComplete { _ in timer.cancel() }
    }

    /// The time is over: what failed depends on how far it came.
    private func end() {
        // It has a result at once if it is connected: both are the loop's.
        connecting.whenSuccess { _ in verdict.succeed(.timedOut) }
        eventLoop.execute { verdict.succeed(.connectTimedOut) }
    }
}
