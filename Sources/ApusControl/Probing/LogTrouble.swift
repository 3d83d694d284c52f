import ApusModel

/// An access log that takes no lines.
struct LogTrouble: Sendable, Equatable {
    var destination: String
    var reason: String
    /// When that was first told, in microseconds of the monotonic clock.
    var since: Int64

    /// What is the matter after this news; nil for nothing.
    init?(_ before: LogTrouble?, _ news: AccessLogNews, now: Int64) {
        let known = before?.destination == news.destination ? before : nil
        switch news.event {
        case .refused(let reason, _, _), .stillRefused(let reason, _):
            self.init(destination: news.destination, reason: reason, since: known?.since ?? now)
        // Another log, or one that takes some.
        case .dropped:
            guard let before else { return nil }
            self = before
        case .resumed:
            guard let before, known == nil else { return nil }
            self = before
        }
    }

    init(destination: String, reason: String, since: Int64) {
        self.destination = destination
        self.reason = reason
        self.since = since
    }
}
