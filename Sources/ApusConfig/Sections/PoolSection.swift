import ApusModel

/// One entry of `pools`; the positions are those of keys that other sections may make useless.
struct PoolSection {
    var name: Located<String>
    var balance = BalanceSection()
    var hash: Located<HashRules>?
    var locality = Locality()
    var zoneAwarePosition: SourcePosition?
    var subsetPosition: SourcePosition?
    var slowStart: SlowStart?
    var sticky: StickySection?
    var health = HealthCheck()
    var outliers: OutlierRules?
    var outliersPosition: SourcePosition?
    var panicThreshold = 0
    var fallback: FallbackSection?
    var keepsReasons = false
    var connections = UpstreamConnectionLimits()
    var requests = RequestLimits()
    var breaker: BreakerRules?
    var poolBreaker: BreakerRules?
    var retries = RetriesSection()
    var hedge: HedgeSection?
    var concurrency: ConcurrencyRules?
    /// Whether trailers of requests go on, and where that stands.
    var trailers: Located<Bool>?
    var endpoints: [EndpointSection] = []

    static func mapping(_ field: Field, _ findings: inout Findings) -> [PoolSection] {
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

    /// The pool before it that has nothing of its own, where `entry` is no pool but a key of that one.
    private static func misplaced(_ entry: Node.Entry, behind others: ArraySlice<Node.Entry>) -> String? {
        if case .mapping = entry.value.content, entry.key.value != "health" { return nil }
        let keys = ConfigurationSchema.places(of: entry.key.value)
        guard keys.contains("pools.NAME.\(entry.key.value)") else { return nil }
        return others.last { $0.value.isNull }?.key.value
    }

    private init(_ field: Field, _ findings: inout Findings) {
        name = field.key
        _ = checkedName(name, &findings)
        let example = "{ endpoints: [127.0.0.1:3001] }"
        guard var section = Section(field, "the pool `\(name.value)`", example: example, &findings) else { return }
        readPicking(&section, &findings)
        readHealth(&section, &findings)
        readProtection(&section, &findings)
        if let field = section.require("endpoints", example: "[127.0.0.1:3001]") {
            endpoints = EndpointSection.list(field, &findings)
        }
        section.finish(&findings)
    }

    private mutating func readPicking(_ section: inout Section, _ findings: inout Findings) {
        if let field = section.take("balance") { balance = BalanceSection(field, &findings) }
        if let field = section.take("hash") {
            hash = Located(value: HashRules(field, &findings), position: field.key.position)
        }
        let zoneAware = section.take("zone_aware")
        if let zoneAware, let isAware = zoneAware.flag(&findings) {
            locality.prefersOwnZone = isAware
            zoneAwarePosition = zoneAware.key.position
        }
        let subset = section.take("subset")
        if var subset, !subset.isOff {
            subset.alternative = "off"
            locality.subsetSize = subset.integer(in: Bounds.subsetSizes, &findings)
            subsetPosition = subset.position
        }
        section.read("overprovisioning", into: &locality.overprovisioning, percent: Bounds.overprovisioning, &findings)
        slowStart = section.take("slow_start").flatMap { SlowStart($0, &findings) }
        sticky = section.take("sticky").flatMap { StickySection($0, &findings) }
    }

    private mutating func readHealth(_ section: inout Section, _ findings: inout Findings) {
        if let field = section.take("health") { health = HealthCheck(field, &findings) }
        if let field = section.take("outliers") {
            outliers = OutlierRules(field, &findings)
            outliersPosition = field.key.position
        }
        if var field = section.take("panic_threshold"), !field.isOff {
            field.alternative = "off"
            panicThreshold = field.percent(in: Bounds.percentages, &findings) ?? 0
        }
        fallback = section.take("fallback").flatMap { FallbackSection($0, &findings) }
        if let field = section.take("apus_reason") {
            keepsReasons = field.word(of: [("remove", false), ("keep", true)], &findings) ?? false
        }
    }

    private mutating func readProtection(_ section: inout Section, _ findings: inout Findings) {
        if let field = section.take("connections") { connections = UpstreamConnectionLimits(field, &findings) }
        if let field = section.take("requests") { requests = RequestLimits(field, &findings) }
        breaker = section.take("breaker").flatMap { BreakerRules($0, &findings) }
        poolBreaker = section.take("pool_breaker").flatMap { BreakerRules($0, &findings) }
        if let field = section.take("retries") { retries = RetriesSection(field, &findings) }
        hedge = section.take("hedge").flatMap { HedgeSection($0, &findings) }
        concurrency = section.take("concurrency").flatMap { ConcurrencyRules($0, &findings) }
        if let field = section.take("trailers"), let isOn = field.isOn(&findings) {
            trailers = Located(value: isOn, position: field.key.position)
        }
    }
}
