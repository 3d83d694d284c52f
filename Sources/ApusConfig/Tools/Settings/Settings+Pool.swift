import ApusModel

extension Settings {
    /// The rules of a pool; its endpoints are things of their own.
    init(_ pool: Pool, of snapshot: Snapshot) {
        let usual = Pool(name: "", endpoints: 0..<0)
        add("balance", pool.balance.rawValue, usual: usual.balance.rawValue)
        if pool.balance == .hash { add("hash", Settings(pool.hash)) }
        add("zone_aware", "\(pool.locality.prefersOwnZone)", usual: "false")
        add("subset", pool.locality.subsetSize, usual: nil, none: "off")
        add("overprovisioning", percent: pool.locality.overprovisioning, usual: usual.locality.overprovisioning)
        add("slow_start", switched: pool.slowStart.map { Settings($0) })
        add("sticky", switched: pool.sticky.map { Settings($0) })
        addHealth(pool.health)
        add("outliers", switched: pool.outliers.map { Settings($0) })
        add("panic_threshold", percent: pool.panicThreshold, usual: usual.panicThreshold)
        add("fallback", switched: pool.fallback.map { Settings($0, of: snapshot) })
        add("apus_reason", pool.keepsReasons ? "keep" : "remove", usual: "remove")
        add("connections", Settings(pool.connections))
        add("requests", Settings(pool.requests))
        add("breaker", switched: pool.endpointBreaker.map { Settings($0) })
        add("pool_breaker", switched: pool.poolBreaker.map { Settings($0) })
        add("retries", Settings(pool.retries, usual: usual.retries))
        add("hedge", switched: pool.hedging.map { Settings($0) })
        add("concurrency", switched: pool.concurrency.map { Settings($0) })
        add("trailers", pool.passesTrailers ? "on" : "off", usual: "off")
    }

    // MARK: Picking

    init(_ rules: HashRules) {
        add("key", rules.key.words, usual: HashRules().key.words)
        add("method", rules.method.rawValue, usual: HashRules().method.rawValue)
        add("load_factor", rules.loadFactor.map { "\($0)" } ?? "off", usual: "off")
    }

    init(_ rules: SlowStart) {
        add("window", rules.window.configured)
        add("aggression", "\(rules.aggression)", usual: "1.0")
    }

    init(_ sticky: StickySessions) {
        switch sticky.kind {
        case .cookie(let cookie):
            add("cookie", cookie.name)
            add("lifetime", cookie.lifetime?.configured ?? "session", usual: "session")
            add("path", cookie.path, usual: "/")
            add("domain", cookie.domain)
            add("secure", "\(cookie.isSecure)", usual: "false")
            add("http_only", "\(cookie.isHTTPOnly)", usual: "true")
            add("same_site", cookie.sameSite?.rawValue ?? "off", usual: "lax")
        case .learned(let name, let lifetime, let capacity):
            add("learn", name)
            add("lifetime", lifetime, usual: .seconds(3600))
            add("capacity", capacity, usual: 100_000)
        }
    }

    // MARK: Health

    private mutating func addHealth(_ health: HealthCheck) {
        if case .none = health.probe {
            add("health", "off", usual: nil)
        } else {
            add("health", Settings(health))
        }
    }

    init(_ health: HealthCheck) {
        let usual = HealthCheck()
        switch health.probe {
        case .none: return
        case .tcp: add("probe", "tcp", usual: "tcp")
        case .tcpExchange(let send, let expect):
            add("probe", "tcp exchange", usual: "tcp")
            // What is sent may hold a password.
            add("send", concealed: send)
            add("expect.reply", String(decoding: expect, as: UTF8.self).debugDescription)
        case .http(let probe):
            if concealingQuery(probe.path) == probe.path {
                add("path", probe.path)
            } else {
                add("path", concealed: Array(probe.path.utf8))
            }
            add("method", probe.method, usual: "GET")
            add("host", probe.host)
            for header in probe.headers { addField("headers.\(header.name)", named: header.name, header.value) }
            add("expect.status", statusWords(probe.statuses), usual: "200-399")
            add("expect.body", probe.bodyContains?.debugDescription)
        }
        add("port", health.port.map { "\($0)" })
        add("interval", health.interval, usual: usual.interval)
        add("down_interval", health.downInterval?.configured)
        add("timeout", health.timeout, usual: usual.timeout)
        add("rise", health.rise, usual: usual.rise)
        add("fall", health.fall, usual: usual.fall)
    }

    init(_ rules: OutlierRules) {
        let usual = OutlierRules()
        add("consecutive_5xx", rules.consecutive5xx, usual: usual.consecutive5xx, none: "off")
        add(
            "consecutive_gateway_errors", rules.consecutiveGatewayErrors, usual: usual.consecutiveGatewayErrors,
            none: "off")
        add(
            "success_rate_deviations", rules.successRateDeviations.map { "\($0)" } ?? "off",
            usual: usual.successRateDeviations.map { "\($0)" })
        add("latency_factor", rules.latencyFactor.map { "\($0)" } ?? "off", usual: "off")
        add("min_hosts", rules.minimumHosts, usual: usual.minimumHosts)
        add("min_volume", rules.minimumVolume, usual: usual.minimumVolume)
        add("interval", rules.interval, usual: usual.interval)
        add("ejection", rules.baseEjection, usual: usual.baseEjection)
        add("max_ejection", rules.maximumEjection, usual: usual.maximumEjection)
        add("max_ejected", percent: rules.maximumEjectedPercent, usual: usual.maximumEjectedPercent)
        add("return_on_probe", "\(rules.returnsOnProbe)", usual: "false")
    }

    init(_ fallback: Fallback, of snapshot: Snapshot) {
        switch fallback {
        case .pool(let pool): add("pool", snapshot.pools[pool].name)
        case .response(let response):
            let usual = FallbackResponse()
            add("status", response.status, usual: usual.status)
            add("content_type", response.contentType, usual: usual.contentType)
            add("body", bodyWords(response.body), usual: bodyWords([]))
            add("retry_after", response.retryAfter?.configured)
        }
    }

    // MARK: Protection

    init(_ limits: UpstreamConnectionLimits) {
        let usual = UpstreamConnectionLimits()
        add("max_idle", limits.maxIdle, usual: usual.maxIdle)
        add("idle", limits.idleTimeout, usual: usual.idleTimeout)
        add("max", limits.max, usual: usual.max)
    }

    init(_ limits: RequestLimits) {
        add("max_per_endpoint", limits.perEndpoint, usual: nil, none: "unlimited")
        add("max", limits.perPool, usual: nil, none: "unlimited")
        add("queue", switched: limits.queue.map { Settings($0) })
    }

    init(_ queue: QueueRules) {
        let usual = QueueRules()
        add("length", queue.length, usual: usual.length)
        add("timeout", queue.timeout, usual: usual.timeout)
        add("order", queue.order.rawValue, usual: usual.order.rawValue)
    }

    init(_ rules: BreakerRules) {
        let usual = BreakerRules()
        add("consecutive_failures", rules.consecutiveFailures, usual: usual.consecutiveFailures, none: "off")
        add("failures", rules.failurePercent.map { "\($0)%" } ?? "off", usual: usual.failurePercent.map { "\($0)%" })
        add("slow", rules.slowPercent.map { "\($0)%" } ?? "off", usual: "off")
        add("slow_after", rules.slowAfter, usual: usual.slowAfter)
        add("window", rules.window, usual: usual.window)
        add("min_volume", rules.minimumVolume, usual: usual.minimumVolume)
        add("open", rules.open, usual: usual.open)
        add("max_open", rules.maximumOpen, usual: usual.maximumOpen)
        add("trials", rules.trials, usual: usual.trials)
    }

    init(_ rules: RetryRules, usual: RetryRules) {
        add("attempts", rules.attempts, usual: usual.attempts)
        add("status", statusWords(ranges(rules.statuses)), usual: statusWords(ranges(usual.statuses)))
        add("per_try", rules.perTryTimeout?.configured ?? "none", usual: usual.perTryTimeout?.configured ?? "none")
        add("body", ByteSize.write(rules.bodyBytes), usual: ByteSize.write(usual.bodyBytes))
        add("backoff", rules.backoff, usual: usual.backoff)
        add("max_backoff", rules.maximumBackoff, usual: usual.maximumBackoff)
        add("budget", percent: rules.budgetPercent, usual: usual.budgetPercent)
        add("min_per_second", rules.minimumPerSecond, usual: usual.minimumPerSecond)
    }

    init(_ rules: HedgingRules) { add("after", rules.after.configured) }

    init(_ rules: ConcurrencyRules) {
        let usual = ConcurrencyRules()
        add("initial", rules.initial, usual: usual.initial)
        add("min", rules.minimum, usual: usual.minimum)
        add("max", rules.maximum, usual: usual.maximum)
        add("interval", rules.interval, usual: usual.interval)
        add("tolerance", percent: rules.tolerancePercent, usual: usual.tolerancePercent)
        add("priority_header", rules.priorityHeader)
        add("retry_after", rules.retryAfter, usual: usual.retryAfter)
    }
}
