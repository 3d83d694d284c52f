import ApusAddresses
import ApusModel

/// One entry of `pools`.
struct PoolSection {
    var name = Located(value: "", position: SourcePosition.start)
    /// What the pool's rules are, as far as no other section has a say; its endpoints are set apart.
    var pool = Pool(name: "", endpoints: 0..<0)
    var balance = BalanceSection()
    var sticky: StickySection?
    var fallback: FallbackSection?
    var retries = RetriesSection()
    var endpoints: [EndpointSection] = []
    var tls: PoolTLSSection?
    /// What was written, for the places of keys that other sections may make useless.
    private(set) var written: WrittenKeys?

    static let kind = Kind<[PoolSection]>(
        .names(of: shape), words: "a mapping from names to pools", told: { _ in nil }, read: { mapping($0, &$1) })

    private static func mapping(_ field: Field, _ findings: inout Findings) -> [PoolSection] {
        let example = "{ web: { endpoints: [127.0.0.1:3001] } }"
        guard case .mapping(let entries) = field.node.content else {
            let isList = if case .sequence = field.node.content { true } else { false }
            field.reject(
                expected: "a mapping from names to pools, such as `\(example)`",
                hint: isList ? "a pool's name is its key, and stands before it: `web:`" : nil, &findings)
            return []
        }
        if entries.isEmpty {
            findings.error("`pools` is empty; expected at least one, such as `\(example)`", at: field.position)
        }
        return entries.indices.compactMap { index in
            let entry = entries[index]
            guard let pool = misplaced(entry, behind: entries[..<index]) else {
                // What it should have stands behind it, and is told there.
                let next = entries.dropFirst(index + 1).first
                if let next, misplaced(next, behind: entries[...index]) == entry.key.value { return nil }
                return PoolSection(Field(key: entry.key, node: entry.value), &findings)
            }
            findings.error(
                "`\(entry.key.value)` stands beside the pools; indent it further, so that it stands below `\(pool):`",
                at: entry.key.position)
            return nil
        }
    }

    /// The pool that `entry` belongs to, if `entry` is a key of the pool before it, indented too little.
    private static func misplaced(_ entry: Node.Entry, behind others: ArraySlice<Node.Entry>) -> String? {
        if case .mapping = entry.value.content, entry.key.value != "health" { return nil }
        let keys = ConfigurationSchema.places(of: entry.key.value)
        guard keys.contains("pools.NAME.\(entry.key.value)") else { return nil }
        return others.last { $0.value.isNull }?.key.value
    }

    private init() {}

    private init(_ field: Field, _ findings: inout Findings) {
        self.init(field, "the pool `\(field.key.value)`", example: "{ endpoints: [127.0.0.1:3001] }", &findings)
        name = field.key
        _ = checkedName(name, &findings)
    }

    /// What `diff` and `explain` show of a pool that runs; its endpoints are things of their own.
    init(_ pool: Pool, of snapshot: Snapshot) {
        self.pool = pool
        balance = BalanceSection(pool.balance)
        sticky = pool.sticky.map { StickySection($0) }
        retries.rules = pool.retries
        tls = pool.tls.map { PoolTLSSection($0) }
        switch pool.fallback {
        case nil: break
        case .response(let response): fallback = .response(response)
        case .pool(let other):
            fallback = .pool(Located(value: snapshot.pools[other].name, position: .start))
        }
    }
}

extension PoolSection: Keyed {
    static let usual = PoolSection()

    static let keys =
        picking + health + protection + [
            SectionKey("endpoints", \.endpoints, EndpointSection.kind, "The origins.", needed: "[127.0.0.1:3001]"),
            SectionKey(
                "tls", \.tls, Kind.switched(example: "{ ca: ca.pem }"), "TLS with the endpoints.", usually: "off"),
            SectionKey(
                "proxy_protocol", \.pool.proxyProtocol, Kind<ProxyProtocol>.choice.or("off"),
                "By which version of the PROXY protocol endpoints are told who the client is."),
            SectionKey("family", \.pool.family, Kind.choice, "Which addresses of host names are used."),
        ]

    private static let picking: [SectionKey<PoolSection>] = [
        SectionKey("balance", \.balance, BalanceSection.kind, "How one is picked."),
        SectionKey(
            "hash", \.pool.hash, HashRules.kind, "What `balance: hash` hashes.", usually: "client"
        ).told { $0.balance.balance == .hash },
        SectionKey(
            "zone_aware", \.pool.locality.prefersOwnZone, Kind.flag,
            "Whether endpoints of this balancer's own zone come first."),
        SectionKey(
            "subset", \.pool.locality.subsetSize, Kind.integer(in: Bounds.subsetSizes).or("off"),
            "How many endpoints this balancer uses."),
        SectionKey(
            "overprovisioning", \.pool.locality.overprovisioning,
            Kind.percent(in: Bounds.overprovisioning, example: usual.pool.locality.overprovisioning),
            "When a tier counts as full."),
        SectionKey("slow_start", \.pool.slowStart, SlowStart.kind, "How a new endpoint warms up."),
        SectionKey("sticky", \.sticky, StickySection.kind, "Sessions by cookie."),
    ]

    private static let health: [SectionKey<PoolSection>] = [
        SectionKey("health", \.pool.health, HealthCheck.kind, "How endpoints are checked.", usually: "tcp"),
        SectionKey(
            "outliers", \.pool.outliers, Kind.switched(example: "{ consecutive_5xx: 5, ejection: 30s }"),
            "When endpoints are ejected by their answers.", usually: "on"),
        SectionKey(
            "panic_threshold", \.pool.panicThreshold, Kind.percent(in: Bounds.percentages).or("off", meaning: 0),
            "With a smaller share of endpoints available, all are used."),
        SectionKey("fallback", \.fallback, FallbackSection.kind, "What answers when no endpoint can."),
        SectionKey(
            "apus_reason", \.pool.keepsReasons, Kind.words("remove", "keep"),
            "Whether Apus-Reason of its origins, a further tier of Apus, goes on."),
    ]

    private static let protection: [SectionKey<PoolSection>] = [
        SectionKey(
            "connections", \.pool.connections, Kind.section(example: "{ max_idle: 64, idle: 60s }"),
            "Connections of each worker to each endpoint."),
        SectionKey(
            "requests", \.pool.requests, Kind.section(example: "{ max_per_endpoint: 100 }"),
            "Requests in flight, and the queue."),
        SectionKey(
            "breaker", \.pool.endpointBreaker, Kind.switched(example: "{ failures: 50%, open: 5s }"),
            "The circuit breaker of each endpoint."),
        SectionKey(
            "pool_breaker", \.pool.poolBreaker,
            Kind.switched(example: "{ failures: 50%, open: 5s }").called(
                "`on`, `off`, or a mapping with the same keys"),
            "The circuit breaker of the pool."),
        SectionKey(
            "retries", \.retries, Kind.section(off: .off, example: "{ attempts: 2, status: [502, 503] }"),
            "When requests are tried again."),
        SectionKey(
            "hedge", \.pool.hedging, Kind.switched(nil, example: "{ after: 100ms }"),
            "When a request is sent to a second endpoint."),
        SectionKey(
            "concurrency", \.pool.concurrency, Kind.switched("adaptive", example: "{ min: 10, max: 1000 }"),
            "A limit that finds itself."),
        SectionKey("trailers", \.pool.passesTrailers, Kind.onOrOff, "Whether trailers of requests are passed on."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) { self.written = written }
}
