import ApusBalancing
import NIOCore

/// The time that an endpoint has for a probe: the check's timeout, without the time in which this process was too busy to look
/// at what had come.
///
/// The time is counted in slices. One that ended late says that the event loop did not turn: what came meanwhile is looked at
/// first, and the slice is counted again. A loop that is late again and again ends the probe as `late`, which says nothing
/// about the endpoint.
struct ProbeClock {
    /// How often, in timeouts, a probe may take longer because Apus was late.
    static let patience = 4

    private static let slices: Int64 = 8
    private let eventLoop: any EventLoop
    private let verdict: EventLoopPromise<CheckFailure?>
    private let slice: TimeAmount
    /// A slice that ends so much too late does not count.
    private let bearable: TimeAmount

    /// Starts the clock; on the event loop.
    static func start(_ timeout: TimeAmount, on eventLoop: any EventLoop, _ verdict: EventLoopPromise<CheckFailure?>) {
        let slice = TimeAmount.nanoseconds(max(1, timeout.nanoseconds / slices))
        let clock = ProbeClock(
            eventLoop: eventLoop, verdict: verdict, slice: slice,
            bearable: max(.milliseconds(5), .nanoseconds(slice.nanoseconds / 4)))
        clock.count(left: Int(slices), late: 0)
    }

    private func count(left: Int, late: Int) {
        let due = NIODeadline.now() + slice
        let timer = eventLoop.assumeIsolated().scheduleTask(deadline: due) {
            let isLate = NIODeadline.now() - due > bearable
            if isLate, late + 1 >= Self.patience * Int(Self.slices) { return verdict.succeed(.late) }
            let left = isLate ? left : left - 1
            guard left > 0 else { return verdict.succeed(.timedOut) }
            count(left: left, late: isLate ? late + 1 : late)
        }
        verdict.futureResult.assumeIsolated().whenComplete { _ in timer.cancel() }
    }
}
