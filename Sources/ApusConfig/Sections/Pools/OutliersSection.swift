import ApusModel

extension OutlierRules: Keyed {
    static let usual = OutlierRules()

    static let keys: [SectionKey<OutlierRules>] = [
        SectionKey(
            "consecutive_5xx", \.consecutive5xx, Kind.integer(in: Bounds.failuresInARow).or("off"),
            "Failures in a row, of any kind, that eject an endpoint."),
        SectionKey(
            "consecutive_gateway_errors", \.consecutiveGatewayErrors,
            Kind.integer(in: Bounds.failuresInARow).or("off"), "Gateway errors in a row that eject an endpoint."),
        SectionKey(
            "success_rate_deviations", \.successRateDeviations,
            Kind.decimal(in: Bounds.deviations, example: "1.9").or("off"),
            "Standard deviations below the mean rate of success that eject an endpoint."),
        SectionKey(
            "latency_factor", \.latencyFactor, Kind.decimal(in: Bounds.latencyFactors, example: "3").or("off"),
            "Times the median latency that eject an endpoint."),
        SectionKey(
            "min_hosts", \.minimumHosts, Kind.integer(in: Bounds.comparedHosts),
            "Endpoints with enough requests, below which they are not compared."),
        SectionKey(
            "min_volume", \.minimumVolume, Kind.integer(in: Bounds.volumes),
            "Requests of an endpoint in an interval, below which it is not compared."),
        SectionKey("interval", \.interval, Kind.duration(), "How often endpoints are compared."),
        SectionKey("ejection", \.baseEjection, Kind.duration(), "How long an endpoint is ejected the first time."),
        SectionKey("max_ejection", \.maximumEjection, Kind.duration(), "What that grows to."),
        SectionKey(
            "max_ejected", \.maximumEjectedPercent, Kind.percent(in: Bounds.shares),
            "The share of the pool's endpoints that may be ejected."),
        SectionKey(
            "return_on_probe", \.returnsOnProbe, Kind.flag,
            "Whether a successful health check ends an ejection early."),
    ]

    mutating func check(_ written: WrittenKeys, _ findings: inout Findings) {
        written.settle("ejection", &baseEjection, upTo: "max_ejection", &maximumEjection, &findings)
        let comparesHosts = successRateDeviations != nil || latencyFactor != nil
        if consecutive5xx == nil, consecutiveGatewayErrors == nil, !comparesHosts {
            findings.error(
                "`outliers` looks at nothing: all its rules are off; keep one, or write `outliers: off`",
                at: written.position)
        } else if !comparesHosts {
            written.warnOfNoEffect(
                ["min_hosts", "min_volume"],
                "while endpoints are not compared; add `success_rate_deviations` or `latency_factor`", &findings)
        }
    }
}
