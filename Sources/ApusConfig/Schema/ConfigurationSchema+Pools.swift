import ApusModel

extension ConfigurationSchema {
    static let pool = SchemaValue.section([
        .init("endpoints", .list(of: .either([.named(.address), endpoint])), "The origins.", isRequired: true),
        .init(
            "balance", .words(Balance.allCases.map(\.rawValue) + ["ip-hash"]),
            "How one is picked. Default: round-robin."),
        .init("hash", .either([.words(["client", "path"]), hash]), "What `balance: hash` hashes. Default: client."),
        .init("zone_aware", .flag, "Whether endpoints of this balancer's own zone come first. Default: false."),
        .init("subset", .integer(1...100_000).orOff, "How many endpoints this balancer uses. Default: off."),
        .init("overprovisioning", .named(.percent), "When a tier counts as full. Default: 140%."),
        .init(
            "slow_start", .either([.named(.duration), slowStart]).orOff, "How a new endpoint warms up. Default: off."),
        .init("sticky", sticky.orOff, "Sessions by cookie. Default: off."),
        .init("health", health.or("tcp", "off", "none"), "How endpoints are checked. Default: tcp."),
        .init("outliers", outliers.or("on", "off"), "When endpoints are ejected by their answers. Default: off."),
        .init("panic_threshold", .named(.percent).orOff, "With fewer endpoints available, all are used. Default: off."),
        .init("fallback", fallback.orOff, "What answers when no endpoint can. Default: off."),
        .init(
            "apus_reason", .words(["remove", "keep"]),
            "Whether Apus-Reason of its origins, a further tier of Apus, goes on. Default: remove."),
        .init("connections", connections, "Connections of each worker to each endpoint."),
        .init("requests", requests, "Requests in flight, and the queue."),
        .init("breaker", breaker.or("on", "off"), "The circuit breaker of each endpoint. Default: off."),
        .init("pool_breaker", breaker.or("on", "off"), "The circuit breaker of the pool. Default: off."),
        .init("retries", retries(ofRoute: false).orOff, "When requests are tried again."),
        .init("hedge", hedge.orOff, "When a request is sent to a second endpoint. Default: off."),
        .init("concurrency", concurrency.or("adaptive", "off"), "A limit that finds itself. Default: off."),
        .init("trailers", .words(["on", "off"]), "Whether trailers of requests are passed on. Default: off."),
    ])

    private static let endpoint = SchemaValue.section([
        .init("address", .named(.address), "A host and a port.", isRequired: true),
        .init("weight", .integer(0...65_535), "Its share relative to the others'. Default: 1."),
        .init("zone", .named(.name), "The zone that it is in."),
        .init("tier", .integer(0...15), "Lower tiers come first. Default: 0."),
        .init("backup", .flag, "The same as `tier: 1`."),
    ])

    private static let hash = SchemaValue.section([
        .init(
            "client",
            .either([
                .flag,
                .section([
                    .init("ipv4_prefix", .integer(1...32), "Bits of an IPv4 address. Default: 32."),
                    .init("ipv6_prefix", .integer(1...128), "Bits of an IPv6 address. Default: 64."),
                ]),
            ]), "The client's address."),
        .init("header", .text(), "A header, by name."),
        .init("cookie", .text(), "A cookie, by name."),
        .init("query", .text(), "A query parameter, by name."),
        .init("path", .flag, "The path."),
        .init("method", .words(HashRules.Method.allCases.map(\.rawValue)), "Default: maglev."),
        .init(
            "load_factor", .decimal(1.01...100).orOff,
            "How much above the mean an endpoint's load may be. Default: off."),
    ])

    private static let slowStart = SchemaValue.section([
        .init("window", .named(.duration), "How long it takes.", isRequired: true),
        .init("aggression", .decimal(0.1...10), "Default: 1."),
    ])

    private static let sticky = SchemaValue.section([
        .init("cookie", .text(), "The name of a cookie that Apus sets."),
        .init("learn", .text(), "The name of a cookie that the application sets."),
        .init("lifetime", .named(.duration).or("session"), "Default: session; with `learn`, 1h."),
        .init("capacity", .integer(1...10_000_000), "Sessions that are kept, with `learn`. Default: 100000."),
        .init("path", .text(pattern: "^/|\\$\\{"), "The cookie's path. Default: /."),
        .init("domain", .text(), "The cookie's domain."),
        .init("secure", .flag, "Default: false."),
        .init("http_only", .flag, "Default: true."),
        .init("same_site", .words(["strict", "lax", "none", "off"]), "Default: lax."),
        .init("secret", .named(.secret), "What the cookie is signed with, 16 bytes or more."),
    ])

    private static let health = SchemaValue.section([
        .init("path", .text(), "The path that is requested. Without it, the check is by TCP."),
        .init("method", .text(), "Default: GET."),
        .init("host", .text(), "The Host that is sent. Default: the endpoint's address."),
        .init("headers", .names(of: .text()), "Further headers that are sent."),
        .init("send", .text(), "What is sent by TCP."),
        .init(
            "expect",
            .section([
                .init("status", .named(.statuses), "Default: 200-399."),
                .init("body", .text(), "What the body holds."),
                .init("reply", .text(), "What the answer by TCP holds."),
            ]), "What the answer must be."),
        .init("port", .integer(1...65_535), "Default: the endpoint's own."),
        .init("interval", .named(.duration), "Default: 5s."),
        .init("down_interval", .named(.duration), "While the endpoint is down. Default: `interval`."),
        .init("timeout", .named(.duration), "Default: 2s."),
        .init("rise", .integer(1...1000), "Successes until an endpoint is up. Default: 2."),
        .init("fall", .integer(1...1000), "Failures until it is down. Default: 3."),
    ])

    private static let outliers = SchemaValue.section([
        .init("consecutive_5xx", .integer(1...10_000).orOff, "Default: 5."),
        .init("consecutive_gateway_errors", .integer(1...10_000).orOff, "Default: 5."),
        .init("success_rate_deviations", .decimal(0.1...10).orOff, "Default: 1.9."),
        .init("latency_factor", .decimal(1.1...1000).orOff, "Default: off."),
        .init("min_hosts", .integer(2...100_000), "Default: 5."),
        .init("min_volume", .integer(1...1_000_000), "Default: 100."),
        .init("interval", .named(.duration), "Default: 10s."),
        .init("ejection", .named(.duration), "Default: 30s."),
        .init("max_ejection", .named(.duration), "Default: 5m."),
        .init("max_ejected", .named(.percent), "Default: 50%."),
        .init("return_on_probe", .flag, "Default: false."),
    ])

    private static let fallback = SchemaValue.section([
        .init("pool", .named(.name), "Another pool."),
        .init("status", .integer(200...599), "Default: 503."),
        .init("body", .text(), "Text, up to 64KiB."),
        .init("content_type", .text(), "Default: text/plain; charset=utf-8."),
        .init("retry_after", .named(.duration), "In whole seconds."),
    ])

    private static let connections = SchemaValue.section([
        .init("max_idle", .integer(0...1_000_000), "Default: 512."),
        .init("idle", .named(.duration), "Default: 60s."),
        .init("max", .integer(1...1_000_000), "Default: 8192."),
    ])

    private static let requests = SchemaValue.section([
        .init("max_per_endpoint", .integer(1...1_000_000).or("unlimited"), "Default: unlimited."),
        .init("max", .integer(1...1_000_000).or("unlimited"), "Default: unlimited."),
        .init(
            "queue",
            SchemaValue.section([
                .init("length", .integer(1...1_000_000), "Default: 1024."),
                .init("timeout", .named(.duration), "Default: 5s."),
                .init("order", .words(["fifo", "adaptive"]), "Default: fifo."),
            ]).or("on", "off"), "Where requests wait. Default: off."),
    ])

    private static let breaker = SchemaValue.section([
        .init("consecutive_failures", .integer(1...10_000).orOff, "Default: 5."),
        .init("failures", .named(.percent).orOff, "Default: 50%."),
        .init("slow", .named(.percent).orOff, "Default: off."),
        .init("slow_after", .named(.duration), "Default: 1s."),
        .init("window", .named(.duration), "1s to 1h. Default: 10s."),
        .init("min_volume", .integer(1...1_000_000), "Default: 20."),
        .init("open", .named(.duration), "Default: 5s."),
        .init("max_open", .named(.duration), "Default: 1m."),
        .init("trials", .integer(1...1000), "Default: 3."),
    ])

    private static let hedge = SchemaValue.section([
        .init("after", .named(.duration), "When the second is sent.", isRequired: true)
    ])

    private static let concurrency = SchemaValue.section([
        .init("initial", .integer(1...1_000_000), "Default: 100."),
        .init("min", .integer(1...1_000_000), "Default: 10."),
        .init("max", .integer(1...1_000_000), "Default: 10000."),
        .init("interval", .named(.duration), "Default: 1s."),
        .init("tolerance", .named(.percent), "Default: 50%."),
        .init("priority_header", .text(), "A header by which a request says its priority."),
        .init("retry_after", .named(.duration), "In whole seconds. Default: 1s."),
    ])
}
