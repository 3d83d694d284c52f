import ApusModel
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// Writes to the process's log who changed what through which listener, and who was refused.
///
/// A change that took place is always logged as that, whatever its caller was told. Refusals are bounded: a flood of them
/// must not fill the disk.
struct ChangeLog: RouterMiddleware {
    let bind: Admin.Bind
    let logger: Logger
    private let refusals = Refusals()

    init(bind: Admin.Bind, logger: Logger) {
        self.bind = bind
        self.logger = logger
    }

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard request.method != .get, request.method != .head else { return try await next(request, context) }
        // Before it is carried out: a caller may have gone by the end of it.
        let caller = await AdminCaller(context.channel)
        let response = try await next(request, context)
        let words = context.deed.words.map { " (\($0))" } ?? ""
        let what =
            "\(request.method.rawValue) \(Self.printable(request.uri.path))\(words), by \(caller) through \(bind)"
        let isAnswered = response.status.kind == .successful
        let failure = context.deed.failure.map { ", \($0)" } ?? ""
        if let done = context.deed.done {
            let answer = isAnswered ? "" : "; the answer was \(response.status.code)\(failure)"
            logger.notice("admin: \(what): \(done)\(answer)")
        } else if !isAnswered, let omitted = refusals.admit(at: .now()) {
            let more = omitted == 0 ? "" : "; \(omitted) more were refused and not logged"
            logger.warning("admin: refused \(what): \(response.status.code)\(failure)\(more)")
        }
        return response
    }

    /// A path that a caller chose, as one short word.
    private static func printable(_ path: String) -> String {
        String(
            String.UnicodeScalarView(
                path.unicodeScalars.prefix(200).map { (0x21...0x7e).contains($0.value) ? $0 : "?" }))
    }
}

/// Counts the refusals that may be logged: 20 at once, then one every 10 seconds.
struct RefusalMeter {
    static let burst = 20
    static let interval = TimeAmount.seconds(10)

    private var allowance = RefusalMeter.burst
    private var omitted = 0
    private var lastGrant: NIODeadline?

    /// Returns how many were left out since the last one that was logged; nil if this one is left out too.
    mutating func admit(at now: NIODeadline) -> Int? {
        let last = lastGrant ?? now
        let earned = max(0, (now - last).nanoseconds / Self.interval.nanoseconds)
        if earned > 0 || lastGrant == nil {
            allowance = min(Self.burst, allowance + Int(clamping: earned))
            lastGrant = last + .nanoseconds(earned * Self.interval.nanoseconds)
        }
        guard allowance > 0 else {
            omitted += 1
            return nil
        }
        allowance -= 1
        defer { omitted = 0 }
        return omitted
    }
}

/// The meter of one listener.
final class Refusals: Sendable {
    private let meter = Mutex(RefusalMeter())

    func admit(at now: NIODeadline) -> Int? { meter.withLock { $0.admit(at: now) } }
}
