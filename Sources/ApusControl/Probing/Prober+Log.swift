import ApusBalancing
import ApusModel
import Logging

/// What the prober tells people: each change once, in the words of the admin server.
extension Prober {
    /// An endpoint's change; `health` is its pool's after it.
    ///
    /// - Parameter untold: requests that the endpoint gave no response, and no line has told of.
    func log(_ endpoint: Int, _ change: EndpointChange, of health: PoolHealth, untold: Int) {
        guard !change.isExtension else { return }
        let state = change.after.words(clock: clock.time)
        let name = name(endpoint)
        switch change.after {
        case .unhealthy, .ejected:
            let silence = untold == 0 ? "" : "; \(untold) more \(untold == 1 ? "request" : "requests") had no response"
            logger.warning("\(name) is \(state)\(change.changesAvailability ? left(of: health) : "")\(silence)")
        case .healthy where change.before == .unknown: logger.debug("\(name) is \(state): \(change.cause)")
        case .joining: logger.debug("\(name) is \(state)")
        case .healthy where change.before == .joining: logger.notice("\(name) is \(state): \(change.cause)")
        case .healthy where change.before != .draining: logger.notice("\(name) is \(state) again: \(change.cause)")
        case .unknown where change.cause == .timeIsOver:
            logger.notice("\(name) is \(state) again: \(change.cause)")
        case .healthy, .unknown, .draining, .removed: logger.notice("\(name) is \(state): \(change.cause)")
        }
    }

    private func left(of health: PoolHealth) -> String {
        let left = health.servingCount
        return left == 0 ? "; no endpoint of the pool is left" : "; \(left) of \(health.count) left"
    }

    func log(_ breaker: BreakerName, _ change: BreakerTransition) {
        let owner =
            switch breaker {
            case .endpoint(let endpoint): name(endpoint)
            case .pool(let pool): "pool \(snapshot.pools[pool].name)"
            }
        let level: Logger.Level = change.after.kind == .open ? .warning : .notice
        // It has just changed: what it says is still to come.
        logger.log(level: level, "\(owner): \(change.after.words(now: .min, clock: clock.time))")
    }

    func log(_ pool: Int, _ change: PanicChange) {
        let name = snapshot.pools[pool].name
        let available = "\(change.available) of \(change.total) endpoints available"
        let threshold = snapshot.pools[pool].panicThreshold
        if change.isPanicking {
            logger.warning("pool \(name) is panicking: \(available), below \(threshold)%: all of them are used")
        } else {
            logger.notice("pool \(name) is not panicking any more: \(available)")
        }
    }

    /// What this machine lacks, and for what.
    func log(_ endpoint: Int, _ shortage: Shortage, ofProbe: Bool) {
        let advice =
            switch shortage {
            case .ports:
                "keep more connections (connections.max_idle), or widen net.ipv4.ip_local_port_range of this machine"
            case .descriptors: "raise the limit of open files of this process (LimitNOFILE, ulimit -n)"
            case .memory: "see net.ipv4.tcp_mem and the memory limits of this machine"
            }
        let what = ofProbe ? "a probe of" : "a connection to"
        logger.error(
            "\(shortage) for \(what) \(name(endpoint)), which does not count against it; \(advice); told once a minute")
    }

    /// Tells of an access log that does not take its lines, or takes them again, and notes it for who asks.
    func take(_ news: AccessLogNews, now: Int64) {
        logTrouble = LogTrouble(logTrouble, news, now: now)
        log(news)
    }

    private func log(_ news: AccessLogNews) {
        let name = "access log \(news.destination)"
        switch news.event {
        case .refused(let reason, let keepsLines, let untold):
            let lines =
                keepsLines
                ? "lines wait in memory, and are dropped where there is no room left" : "what comes is lost"
            let more = untold == 0 ? "" : "; \(untold) times more since that was last told"
            logger.error("\(name) is not written: \(reason); \(lines)\(more)")
        case .stillRefused(let reason, let dropped):
            logger.error(
                "\(name) is still not written: \(reason); \(Self.lines(dropped)) dropped so far; told once a minute")
        case .resumed(let dropped): logger.notice("\(name) is written again; \(Self.lines(dropped)) dropped")
        case .dropped(let count, let cause):
            let why =
                switch cause {
                case .tooFast: "they came faster than they could be written"
                case .refused(let reason): reason
                case .reopened: "another file was opened in the middle of a line"
                }
            logger.warning("\(name): \(Self.lines(count)) dropped: \(why)")
        }
    }

    private static func lines(_ count: Int) -> String { "\(count) \(count == 1 ? "line was" : "lines were")" }

    func name(_ endpoint: Int) -> String {
        let endpoint = snapshot.endpoints[endpoint]
        return "endpoint \(snapshot.pools[endpoint.pool].name)/\(endpoint.name)"
    }

    private var clock: WallClock { WallClock(monotonic: Self.now) }
}
